-- The shop of the demo. Names, addresses and numbers are made up; the card numbers are published test numbers.
-- Loaded by a superuser into an empty database.
CREATE ROLE chaperone_gateway LOGIN NOSUPERUSER PASSWORD 'demo-only-password';

CREATE TABLE public.customers (
  id integer PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  ssn char(11) NOT NULL,
  phone text NOT NULL,
  portal_password text NOT NULL,
  city text NOT NULL,
  since date NOT NULL
);
INSERT INTO public.customers VALUES
  (1, 'Mara Lindqvist', 'mara.lindqvist71@mail.example', '536-22-8813', '+1 202 555 0143', 'correct-horse-1', 'Malmö', '2021-03-14'),
  (2, 'Tomás Herrera', 'therrera.home@post.example', '219-45-7302', '+1 202 555 0178', 'tortuga-azul-2', 'Sevilla', '2021-07-02'),
  (3, 'Aiko Tanaka', 'aiko-tanaka88@mail.example', '402-31-9954', '+1 202 555 0112', 'hanami-2019-3', 'Osaka', '2022-01-19'),
  (4, 'Daniel Okafor', 'd.okafor.work@firm.example', '318-07-4466', '+1 202 555 0196', 'lagos-lagoon-4', 'Lagos', '2022-05-30'),
  (5, 'Ewa Zielińska', 'ewazielinska5@post.example', '477-63-1208', '+1 202 555 0121', 'zielony-las-5', 'Łódź', '2023-02-11'),
  (6, 'Liam Byrne', 'liam_byrne_93@mail.example', '551-18-6640', '+1 202 555 0167', 'galway-bay-6', 'Galway', '2023-08-08'),
  (7, 'Priya Raman', 'priyaraman.shop@firm.example', '266-90-3371', '+1 202 555 0155', 'monsoon-77-7', 'Chennai', '2024-04-23'),
  (8, 'Jonas Weber', 'jonas.weber.kiel@post.example', '143-52-9087', '+1 202 555 0189', 'foerde-ahoi-8', 'Kiel', '2025-11-05');

CREATE TABLE public.orders (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES public.customers (id),
  total numeric(10, 2) NOT NULL,
  status text NOT NULL,
  placed date NOT NULL,
  note text
);
INSERT INTO public.orders
SELECT 1000 + i, 1 + i % 8, (i * 7919 % 30000) / 100.0 + 5, (ARRAY['open', 'paid', 'shipped'])[1 + i % 3], date '2026-01-05' + i,
  CASE i
    WHEN 2 THEN 'paid by phone with 4111 1111 1111 1111, send the receipt by mail'
    WHEN 9 THEN 'card 5555-5555-5555-4444 was declined, customer calls back'
    WHEN 16 THEN 'leave at the door'
    WHEN 23 THEN 'refund to 378282246310005 please'
  END
FROM generate_series(1, 40) AS i;

CREATE VIEW public.customer_directory AS SELECT id, name, email, phone FROM public.customers;

-- More than the agent may do: what it may do is the gateway's decision.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO chaperone_gateway;
ANALYZE;
