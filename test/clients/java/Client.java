import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;

/** What a Java program does with a database, through the gateway: the query mode is the argument, the answer is JSON on stdout. */
public final class Client {
  private static final Map<String, Object> out = new LinkedHashMap<>();

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.setProperty("user", "agent");
    properties.setProperty("password", System.getenv("CHAPERONE_TOKEN"));
    properties.setProperty("preferQueryMode", args[0]);
    properties.setProperty("reWriteBatchedInserts", "true");
    String ca = System.getenv("CHAPERONE_CA");
    properties.setProperty("sslmode", ca == null ? "disable" : "verify-full");
    if (ca != null) properties.setProperty("sslrootcert", ca);
    try (Connection connection = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + System.getenv("CHAPERONE_PORT") + "/shop", properties)) {
      read(connection);
      denied(connection);
      write(connection);
      portions(connection);
      metadata(connection.getMetaData());
      if (!args[0].equals("simple")) copy(connection);
      cancel(connection);
    }
    System.out.println(out.entrySet().stream().map(Client::json).collect(Collectors.joining(",", "{", "}")));
  }

  private static void read(Connection connection) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT id, email, salary, birth FROM customers WHERE id = ?")) {
      // Past prepareThreshold it is a named statement with binary results.
      for (int round = 0; round < 8; round++) {
        statement.setLong(1, 1);
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
          out.put("masked", rows.getString("email"));
          out.put("salary", rows.getBigDecimal("salary").toString());
          out.put("birth", rows.getDate("birth").toString());
        }
      }
    }
    try (PreparedStatement statement = connection.prepareStatement("SELECT count(*) FROM customers WHERE id <= ?")) {
      statement.setInt(1, 7);
      out.put("counted", one(statement.executeQuery()));
    }
  }

  private static void denied(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.executeUpdate("DELETE FROM orders WHERE id = 1001");
    } catch (PSQLException error) {
      out.put("sqlstate", error.getSQLState());
      out.put("hint", error.getServerErrorMessage().getHint());
    }
    connection.rollback();
    connection.setAutoCommit(true);
    try (Statement statement = connection.createStatement()) {
      out.put("orders", one(statement.executeQuery("SELECT count(*) FROM orders")));
    }
  }

  private static void write(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE TEMP TABLE t (id int, v text)");
    }
    try (PreparedStatement insert = connection.prepareStatement("INSERT INTO t VALUES (?, ?)")) {
      for (int id = 0; id < 50; id++) {
        insert.setInt(1, id);
        insert.setString(2, "v" + id);
        insert.addBatch();
      }
      insert.executeBatch();
    }
    try (Statement statement = connection.createStatement()) {
      out.put("batch", one(statement.executeQuery("SELECT count(*) FROM t")));
    }
    connection.setAutoCommit(false);
    try (PreparedStatement insert = connection.prepareStatement("INSERT INTO orders (customer_id, total) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
      insert.setInt(1, 1);
      insert.setInt(2, 5);
      insert.executeUpdate();
      try (ResultSet keys = insert.getGeneratedKeys()) {
        out.put("generated", keys.next() && keys.getLong("id") > 1000);
      }
    }
    connection.rollback();
    connection.setAutoCommit(true);
  }

  private static void portions(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    int count = 0;
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(7);
      try (ResultSet rows = statement.executeQuery("SELECT o.id, c.email FROM orders o JOIN customers c ON c.id = o.customer_id")) {
        while (rows.next()) count++;
      }
    }
    connection.commit();
    connection.setAutoCommit(true);
    out.put("cursor", count);
  }

  private static void metadata(DatabaseMetaData data) throws SQLException {
    out.put("tables", names(data.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME"));
    out.put("columns", names(data.getColumns(null, "public", "customers", "%"), "COLUMN_NAME"));
    out.put("keys", names(data.getPrimaryKeys(null, "public", "orders"), "COLUMN_NAME"));
    out.put("foreign", names(data.getImportedKeys(null, "public", "orders"), "PKTABLE_NAME"));
    out.put("indexes", names(data.getIndexInfo(null, "public", "customers", false, true), "INDEX_NAME"));
    out.put("schemas", names(data.getSchemas(), "TABLE_SCHEM"));
    out.put("types", data.getTypeInfo().next());
    out.put("functions", names(data.getFunctions(null, "public", "%"), "FUNCTION_NAME"));
  }

  private static void copy(Connection connection) throws Exception {
    var manager = connection.unwrap(PGConnection.class).getCopyAPI();
    StringWriter copied = new StringWriter();
    manager.copyOut("COPY (SELECT email FROM customers ORDER BY id) TO STDOUT", copied);
    out.put("copied", copied.toString().split("\n")[0]);
    out.put("copiedIn", manager.copyIn("COPY t FROM STDIN", new StringReader("1\ta\n2\tb\n3\t\\N\n")));
  }

  private static void cancel(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      Thread asking = new Thread(() -> {
        try {
          // Again and again: the first request may come before the statement runs.
          while (!Thread.interrupted()) {
            Thread.sleep(50);
            statement.cancel();
          }
        } catch (SQLException | InterruptedException ended) {
          Thread.currentThread().interrupt();
        }
      });
      asking.start();
      try {
        statement.execute("SELECT pg_sleep(30)");
        out.put("cancelled", "not cancelled");
      } catch (SQLException error) {
        out.put("cancelled", error.getSQLState());
      }
      asking.interrupt();
      asking.join();
    }
  }

  private static long one(ResultSet rows) throws SQLException {
    rows.next();
    return rows.getLong(1);
  }

  private static String names(ResultSet rows, String column) throws SQLException {
    StringBuilder names = new StringBuilder();
    while (rows.next()) names.append(rows.getString(column)).append(' ');
    return names.toString().trim();
  }

  private static String json(Map.Entry<String, Object> entry) {
    Object value = entry.getValue();
    String text = value instanceof String string ? '"' + string.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"' : String.valueOf(value);
    return '"' + entry.getKey() + "\":" + text;
  }
}
