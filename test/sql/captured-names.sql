-- Functions and operators of built-in names, each telling a secret, on top of hostile.sql.
CREATE VIEW public.lower_view AS SELECT id, lower(name::varchar) AS name, email FROM public.customers;
GRANT SELECT ON public.lower_view TO app;
CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT email FROM public.customers WHERE id = 1';
CREATE FUNCTION public.pg_read_file(integer) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT email FROM public.customers WHERE id = 1';
CREATE FUNCTION public.leak(public.customers) RETURNS text LANGUAGE sql STABLE AS 'SELECT ($1).email';
CREATE FUNCTION public.same(varchar, varchar) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
  AS 'SELECT EXISTS (SELECT FROM public.customers WHERE email = $1::text)';
CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.same);
CREATE FUNCTION public.below(varchar, varchar) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT true';
CREATE OPERATOR public.<= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.below);
CREATE FUNCTION public.joined(text, text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT email FROM public.customers WHERE id = 1';
CREATE OPERATOR public.==> (LEFTARG = text, RIGHTARG = text, FUNCTION = public.joined);
CREATE TYPE public.leaking AS (value text);
CREATE FUNCTION public.to_leaking(integer) RETURNS public.leaking LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT ROW(email)::public.leaking FROM public.customers WHERE id = 1';
CREATE CAST (integer AS public.leaking) WITH FUNCTION public.to_leaking(integer);
CREATE PROCEDURE public.leak_proc() LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RAISE NOTICE '%', (SELECT email FROM public.customers WHERE id = 1); END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app;
