/**
 * Two shops that differ only in cells whose masks are equal: what an agent is answered must be the same to the
 * byte. Where the canaries find what leaks as it stands, the twin finds what can be inferred.
 */
import { loadDataset, type Postgres, startPostgres } from '../support/postgres.ts';
import { shopDatabase } from '../support/gateway.ts';

/** Other values of equal masks. */
const others = `
  UPDATE customers c SET
    email = CASE WHEN strpos(email, '@') > 1 THEN 'c' || substr(md5(email), 1, 16) || '@leak.example' WHEN email <> '' THEN substr(md5(email), 1, 17) ELSE email END,
    ssn = (999 - id) || '-' || (99 - id) || '-' || right(ssn, 4),
    phone = '+1 555 ' || substr(md5(phone), 1, 17),
    birth = make_date(extract(year FROM birth)::int, 1 + (id * 5 % 12)::int, 1 + (id * 7 % 28)::int),
    salary = floor(salary / 10000) * 10000 + 9999.75 - id * 11,
    notes = CASE WHEN notes = '' THEN '' WHEN id % 8 = 2 THEN 'all alike' WHEN notes IS NOT NULL THEN (SELECT string_agg(md5(format('%s %s', c.id, n)), ' ') FROM generate_series(1, 40) n) END,
    address = CASE WHEN id % 10 <> 0 THEN jsonb_build_object('city', 'Rome', 'street', 'street-' || substr(md5(id::text), 1, 11), 'zip', 99999 - id) END;
  UPDATE profiles SET email = substr(md5(email), 1, 15) || '@else.example', reach = ROW(substr(md5(email), 1, 15) || '@else.example', '555-9999')::contact;
  UPDATE users SET password_hash = substr(md5(password_hash), 1, 20);
  UPDATE events SET payload = substr(md5(payload), 1, 19);
  UPDATE people SET email = reverse(email);
  UPDATE support.tickets SET body = reverse(translate(body, 'canry', 'otbes'));
`;
const same = `
  UPDATE customers SET email = email, ssn = ssn, phone = phone, birth = birth, salary = salary, notes = notes, address = address;
  UPDATE profiles SET email = email, reach = reach;
  UPDATE users SET password_hash = password_hash;
  UPDATE events SET payload = payload;
  UPDATE people SET email = email;
  UPDATE support.tickets SET body = body;
`;
/** Rows in the order of their keys, whatever their width. */
const settled = `
  CLUSTER customers USING customers_pkey; CLUSTER profiles USING profiles_pkey; CLUSTER users USING users_pkey; CLUSTER people USING people_pkey;
  CLUSTER support.tickets USING tickets_pkey; CLUSTER events_2026_01 USING events_2026_01_pkey; CLUSTER events_2026_02 USING events_2026_02_pkey;
  REFRESH MATERIALIZED VIEW customer_totals;
`;

/** Rights and statistics that an agent might use. */
const tempting = `
  GRANT CREATE ON SCHEMA public TO app;
  GRANT CREATE ON DATABASE shop TO app;
  GRANT REFERENCES ON ALL TABLES IN SCHEMA public TO app;
  CREATE TABLE referring (email varchar(120) REFERENCES customers (email));
  CREATE TABLE ranges (id int PRIMARY KEY, password_salary numeric, EXCLUDE USING btree (password_salary WITH =));
  INSERT INTO ranges SELECT id, salary FROM customers;
  GRANT ALL ON referring, ranges TO app;
  CREATE STATISTICS customer_expressions ON lower(email), (salary * 2) FROM customers;
  ANALYZE;
`;

/** A shop and its twin, with the same OIDs in both: each is made by the same statements on the same template. */
export async function startTwins(version: 18 | 15): Promise<readonly [Postgres, Postgres]> {
  const start = async (update: string): Promise<Postgres> => {
    // `trust` lets the tests run their cases past the gateway as well; no vacuum moves rows in one of the two.
    const postgres = await startPostgres({ version, auth: 'trust', settings: { autovacuum: 'off' } });
    await loadDataset(postgres, shopDatabase);
    await postgres.sql(update, shopDatabase);
    for (const statement of settled.split(';').filter((each) => each.trim() !== '')) await postgres.sql(statement, shopDatabase);
    await postgres.sql(tempting, shopDatabase);
    return postgres;
  };
  return Promise.all([start(same), start(others)]);
}
