-- What a schema may hold that makes masking hard, beside the shop of dataset.sql. Loaded by the superuser.
GRANT CREATE ON SCHEMA public TO app;
CREATE TABLE public.tickets (id integer, body text);
INSERT INTO public.tickets VALUES (1, 'of the schema public');
CREATE TABLE public.log (line text);
CREATE TABLE public.refers (email varchar(120) REFERENCES public.customers (email));
CREATE TABLE public.ruled (line text);
CREATE RULE instead AS ON INSERT TO public.ruled DO INSTEAD SELECT email AS line FROM public.customers;
CREATE TABLE public.left_parent (token text);
CREATE TABLE public.right_parent (token text);
CREATE TABLE public.child_of_two () INHERITS (public.left_parent, public.right_parent);
INSERT INTO public.child_of_two VALUES ('canary-of-two-parents');
CREATE TABLE public.added (id integer);
INSERT INTO public.added VALUES (1);
ALTER TABLE public.added ADD COLUMN added text DEFAULT 'canary-default';

CREATE VIEW public.my_stats AS SELECT schemaname, tablename, attname, most_common_freqs, most_common_vals::text AS most_common_vals, histogram_bounds::text AS histogram_bounds FROM pg_catalog.pg_stats;
CREATE VIEW public.calling_view AS SELECT id, public.email_of(customer_id) AS email FROM public.orders;
CREATE VIEW public.agents_view AS SELECT id, note FROM support.agents;
CREATE VIEW public.order_view AS SELECT id, status FROM public.orders;
CREATE MATERIALIZED VIEW public.mv_directory AS SELECT id, name, email FROM public.customer_directory;
CREATE MATERIALIZED VIEW public.mv_filtered AS SELECT id, name FROM public.customers WHERE email LIKE 'canary-email-000%';

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app;
ANALYZE;
