// What a Go program does with a database, through the gateway: the driver is the first argument, the answer is JSON on stdout.
package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

const masked = "SELECT email FROM customers WHERE id = $1"
const denied = "DELETE FROM orders WHERE id = 1001"

func dsn() string {
	ssl := "sslmode=disable"
	if ca := os.Getenv("CHAPERONE_CA"); ca != "" {
		ssl = "sslmode=verify-full sslrootcert=" + ca
	}
	return fmt.Sprintf("host=127.0.0.1 port=%s user=agent password=%s dbname=shop %s", os.Getenv("CHAPERONE_PORT"), os.Getenv("CHAPERONE_TOKEN"), ssl)
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	runs := map[string]func(map[string]any){"pgx": runPgx, "pq": runPq}
	out := map[string]any{}
	runs[os.Args[1]](out)
	_ = json.NewEncoder(os.Stdout).Encode(out)
}

func runPgx(out map[string]any) {
	ctx := context.Background()
	config := must(pgx.ParseConfig(dsn()))
	if len(os.Args) > 2 {
		config.DefaultQueryExecMode = map[string]pgx.QueryExecMode{
			"simple": pgx.QueryExecModeSimpleProtocol, "describe": pgx.QueryExecModeCacheDescribe, "exec": pgx.QueryExecModeExec,
		}[os.Args[2]]
	}
	conn := must(pgx.ConnectConfig(ctx, config))
	defer conn.Close(ctx)

	var email string
	for range 6 {
		if err := conn.QueryRow(ctx, masked, 1).Scan(&email); err != nil {
			log.Fatal(err)
		}
	}
	out["masked"] = email
	var count int
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM customers WHERE id <= $1", 7).Scan(&count); err != nil {
		log.Fatal(err)
	}
	out["counted"] = count

	tx := must(conn.Begin(ctx))
	_, err := tx.Exec(ctx, denied)
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		out["sqlstate"], out["hint"] = refusal.Code, refusal.Hint
	}
	_ = tx.Rollback(ctx)
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM orders").Scan(&count); err != nil {
		log.Fatal(err)
	}
	out["orders"] = count

	batch := &pgx.Batch{}
	for id := 1; id <= 5; id++ {
		batch.Queue(masked, id)
	}
	results := conn.SendBatch(ctx, batch)
	for range 5 {
		if err := results.QueryRow().Scan(&email); err != nil {
			log.Fatal(err)
		}
	}
	_ = results.Close()
	out["batch"] = email

	var copied bytes.Buffer
	must(conn.PgConn().CopyTo(ctx, &copied, "COPY (SELECT email FROM customers ORDER BY id) TO STDOUT"))
	out["copied"] = strings.Split(copied.String(), "\n")[0]
	must(conn.Exec(ctx, "CREATE TEMP TABLE t (id int, v text)"))
	rows := [][]any{{1, "a"}, {2, "b"}, {3, nil}}
	out["copiedIn"] = must(conn.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"id", "v"}, pgx.CopyFromRows(rows)))

	short, stop := context.WithTimeout(ctx, 300*time.Millisecond)
	defer stop()
	other := must(pgx.ConnectConfig(ctx, config))
	_, err = other.Exec(short, "SELECT pg_sleep(30)")
	out["cancelled"] = err != nil
}

func runPq(out map[string]any) {
	db := must(sql.Open("postgres", dsn()))
	defer db.Close()
	db.SetMaxOpenConns(1)

	statement := must(db.Prepare(masked))
	var email string
	for range 6 {
		if err := statement.QueryRow(1).Scan(&email); err != nil {
			log.Fatal(err)
		}
	}
	_ = statement.Close()
	out["masked"] = email
	var count int
	if err := db.QueryRow("SELECT count(*) FROM customers WHERE id <= $1", 7).Scan(&count); err != nil {
		log.Fatal(err)
	}
	out["counted"] = count

	tx := must(db.Begin())
	_, err := tx.Exec(denied)
	var refusal *pq.Error
	if errors.As(err, &refusal) {
		out["sqlstate"], out["hint"] = string(refusal.Code), refusal.Hint
	}
	_ = tx.Rollback()
	if err := db.QueryRow("SELECT count(*) FROM orders").Scan(&count); err != nil {
		log.Fatal(err)
	}
	out["orders"] = count

	must(db.Exec("CREATE TEMP TABLE t (id int, v text)"))
	tx = must(db.Begin())
	copying := must(tx.Prepare(pq.CopyIn("t", "id", "v")))
	for id := range 3 {
		must(copying.Exec(id, "x"))
	}
	must(copying.Exec())
	_ = copying.Close()
	_ = tx.Commit()
	if err := db.QueryRow("SELECT count(*) FROM t").Scan(&count); err != nil {
		log.Fatal(err)
	}
	out["copiedIn"] = count

	short, stop := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer stop()
	_, err = db.ExecContext(short, "SELECT pg_sleep(30)")
	out["cancelled"] = err != nil
}
