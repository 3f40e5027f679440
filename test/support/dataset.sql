-- A small shop. Every sensitive cell holds a canary of the form canary-<column>-<row>: a test that finds one in
-- what an agent received has found a leak. Deterministic; loaded by the superuser into an empty database.
SET client_min_messages = warning;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN
    CREATE ROLE app LOGIN NOSUPERUSER PASSWORD 'app-password-of-the-target';
    CREATE ROLE introspection LOGIN NOSUPERUSER PASSWORD 'introspection-password-of-the-target';
  END IF;
END $$;

CREATE SCHEMA support;
CREATE TYPE public.order_status AS ENUM ('open', 'paid', 'shipped', 'returned');
CREATE DOMAIN public.positive_amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE TYPE public.contact AS (email text, phone text);

CREATE TABLE public.customers (
  id bigint PRIMARY KEY,
  name text NOT NULL,
  email varchar(120) UNIQUE,
  ssn char(11),
  phone text,
  birth date,
  salary numeric(10, 2),
  notes text,
  address jsonb,
  created timestamptz DEFAULT now()
);
INSERT INTO public.customers
SELECT i,
  (ARRAY['Ada Lovelace', 'Jürgen Groß', 'Zoë O''Brien', '山田太郎', 'Иван Петров', 'Łukasz "Luc" Żak', '😀 Smiley', 'João %_ Silva'])[1 + i % 8],
  CASE i WHEN 7 THEN NULL WHEN 8 THEN '' WHEN 9 THEN 'canary-email-0009' ELSE format('canary-email-%s@leak.example', lpad(i::text, 4, '0')) END,
  CASE WHEN i % 10 = 0 THEN NULL ELSE format('%s-%s-%s', lpad((100 + i)::text, 3, '0'), lpad((i % 90 + 10)::text, 2, '0'), lpad((4000 + i)::text, 4, '0')) END,
  CASE WHEN i % 9 = 0 THEN NULL ELSE format('+1 555 canary-phone-%s', lpad(i::text, 4, '0')) END,
  date '1960-01-31' + i * 97,
  CASE WHEN i % 11 = 0 THEN NULL ELSE 30000.50 + i * 1013 END,
  CASE WHEN i % 4 = 0 THEN '' WHEN i % 4 = 1 THEN NULL ELSE format(E'line one\nline\ttwo \\ "quoted" — reach canary-note-%s', lpad(i::text, 4, '0')) END,
  jsonb_build_object('city', (ARRAY['Köln', 'Kraków', 'Oslo'])[1 + i % 3], 'street', format('canary-street-%s', lpad(i::text, 4, '0')), 'zip', 10000 + i),
  timestamptz '2026-01-01 00:00:00+00' + i * interval '1 hour'
FROM generate_series(1, 50) AS i;
CREATE INDEX customers_lower_email ON public.customers (lower(email));
CREATE INDEX customers_salary_of_seniors ON public.customers (name) WHERE salary > 70000;

CREATE SEQUENCE public.order_numbers START 1001;
CREATE TABLE public.orders (
  id bigint PRIMARY KEY DEFAULT nextval('public.order_numbers'),
  customer_id bigint NOT NULL REFERENCES public.customers (id),
  total numeric NOT NULL CHECK (total >= 0),
  tax numeric GENERATED ALWAYS AS (round(total * 0.19, 2)) STORED,
  status text NOT NULL DEFAULT 'open',
  state public.order_status,
  discount public.positive_amount,
  created timestamptz NOT NULL DEFAULT now()
);
INSERT INTO public.orders (customer_id, total, status, state, discount, created)
SELECT 1 + i % 50, (i * 7919 % 100000) / 100.0, (ARRAY['open', 'paid', 'shipped'])[1 + i % 3],
  (enum_range(NULL::public.order_status))[1 + i % 4], CASE WHEN i % 5 = 0 THEN NULL ELSE i % 7 END,
  timestamptz '2026-02-01 00:00:00+00' + i * interval '3 hours'
FROM generate_series(1, 200) AS i;

-- A generated column on top of a sensitive one.
CREATE TABLE public.profiles (
  customer_id bigint PRIMARY KEY REFERENCES public.customers (id),
  email text NOT NULL,
  email_domain text GENERATED ALWAYS AS (substr(email, strpos(email, '@') + 1)) STORED,
  reach public.contact,
  tags text[]
);
INSERT INTO public.profiles (customer_id, email, reach, tags)
SELECT i, format('canary-profile-%s@leak.example', lpad(i::text, 4, '0')),
  ROW(format('canary-contact-%s@leak.example', lpad(i::text, 4, '0')), '555-0100')::public.contact, ARRAY['a', NULL, format('t%s', i)]
FROM generate_series(1, 10) AS i;

CREATE TABLE public.users (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  login text NOT NULL UNIQUE,
  password_hash text NOT NULL,
  "Reset Token" text
);
INSERT INTO public.users (login, password_hash, "Reset Token")
SELECT format('user%s', i), format('canary-password-%s', lpad(i::text, 4, '0')), format('canary-token-%s', lpad(i::text, 4, '0'))
FROM generate_series(1, 5) AS i;

CREATE TABLE public.events (
  id bigint NOT NULL,
  happened date NOT NULL,
  customer_id bigint,
  payload text,
  PRIMARY KEY (id, happened)
) PARTITION BY RANGE (happened);
CREATE TABLE public.events_2026_01 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE public.events_2026_02 PARTITION OF public.events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO public.events
SELECT i, date '2026-01-01' + (i % 59), 1 + i % 50, format('canary-payload-%s', lpad(i::text, 4, '0')) FROM generate_series(1, 100) AS i;

-- Inheritance: what customers of the archive hold shows up in a select from the parent.
CREATE TABLE public.people (id integer PRIMARY KEY, name text, email text);
CREATE TABLE public.employees (badge text) INHERITS (public.people);
INSERT INTO public.people VALUES (1, 'Parent', 'canary-people-0001@leak.example');
INSERT INTO public.employees VALUES (2, 'Child', 'canary-employee-0002@leak.example', 'B-2');

CREATE TABLE support.tickets (
  id integer PRIMARY KEY,
  customer_id bigint REFERENCES public.customers (id),
  subject text NOT NULL,
  body text,
  opened timestamptz NOT NULL
);
INSERT INTO support.tickets
SELECT i, 1 + i % 50, format('Ticket %s', i), CASE WHEN i % 6 = 0 THEN NULL ELSE format('please call canary-ticket-%s', lpad(i::text, 4, '0')) END,
  timestamptz '2026-03-01 09:00:00+00' + i * interval '1 day'
FROM generate_series(1, 20) AS i;
CREATE TABLE support.agents (id integer PRIMARY KEY, owner name NOT NULL, note text);
ALTER TABLE support.agents ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON support.agents USING (owner = current_user);
INSERT INTO support.agents VALUES (1, 'app', 'visible'), (2, 'postgres', 'canary-agent-0002');

CREATE VIEW public.customer_directory AS SELECT id, name, email, phone FROM public.customers;
CREATE VIEW public.safe_customers WITH (security_barrier) AS SELECT id, name, email FROM public.customers WHERE id <= 40;
CREATE VIEW support.directory AS SELECT d.id, upper(d.name) AS name, d.email FROM public.customer_directory AS d;
CREATE MATERIALIZED VIEW public.customer_totals AS
  SELECT c.id, c.email, sum(o.total) AS total FROM public.customers AS c JOIN public.orders AS o ON o.customer_id = c.id GROUP BY c.id, c.email;

CREATE FUNCTION public.add_tax(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT round(amount * 1.19, 2)';
CREATE FUNCTION public.email_of(customer bigint) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
  AS 'SELECT email FROM public.customers WHERE id = customer';
CREATE FUNCTION public.touch_ticket() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.opened := NEW.opened; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE OF subject ON support.tickets FOR EACH ROW EXECUTE FUNCTION public.touch_ticket();

GRANT USAGE ON SCHEMA public, support TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, support TO app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public, support TO app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app;
ANALYZE;
