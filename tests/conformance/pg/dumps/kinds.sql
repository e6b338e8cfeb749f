--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: stock; Type: SCHEMA; Schema: -; Owner: isochron
--

CREATE SCHEMA stock;

ALTER SCHEMA stock OWNER TO isochron;

--
-- Name: Odd Type; Type: TYPE; Schema: public; Owner: isochron
--

CREATE TYPE public."Odd Type" AS ENUM (
    'A',
    'a b',
    '',
    'Größe'
);

ALTER TYPE public."Odd Type" OWNER TO isochron;

--
-- Name: state; Type: TYPE; Schema: public; Owner: isochron
--

CREATE TYPE public.state AS ENUM (
    'new',
    'paid',
    'packed',
    'sent',
    'it''s gone'
);

ALTER TYPE public.state OWNER TO isochron;

--
-- Name: TYPE state; Type: COMMENT; Schema: public; Owner: isochron
--

COMMENT ON TYPE public.state IS 'of an order';

--
-- Name: unused; Type: TYPE; Schema: public; Owner: isochron
--

CREATE TYPE public.unused AS ENUM (
);

ALTER TYPE public.unused OWNER TO isochron;

--
-- Name: state; Type: TYPE; Schema: stock; Owner: isochron
--

CREATE TYPE stock.state AS ENUM (
    'full',
    'empty'
);

ALTER TYPE stock.state OWNER TO isochron;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: orders; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.orders (
    id integer NOT NULL,
    state public.state DEFAULT 'new'::public.state NOT NULL,
    was public.state[] DEFAULT '{}'::public.state[] NOT NULL,
    odd public."Odd Type",
    shelf stock.state DEFAULT 'full'::stock.state,
    CONSTRAINT never_lost CHECK ((state <> 'it''s gone'::public.state))
);

ALTER TABLE public.orders OWNER TO isochron;

--
-- Name: open_orders; Type: VIEW; Schema: public; Owner: isochron
--

CREATE VIEW public.open_orders AS
 SELECT orders.id,
    orders.state,
    orders.shelf
   FROM public.orders
  WHERE (orders.state < 'sent'::public.state)
  ORDER BY orders.state;

ALTER TABLE public.open_orders OWNER TO isochron;

--
-- Name: books; Type: TABLE; Schema: stock; Owner: isochron
--

CREATE TABLE stock.books (
    state stock.state,
    n integer
);

ALTER TABLE stock.books OWNER TO isochron;

--
-- Name: shelves; Type: TABLE; Schema: stock; Owner: isochron
--

CREATE TABLE stock.shelves (
    state stock.state NOT NULL,
    n integer NOT NULL,
    first_seen public.state
);

ALTER TABLE stock.shelves OWNER TO isochron;

--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.orders (id, state, was, odd, shelf) FROM stdin;
1	packed	{new,packed}	a b	empty
2	new	{}		\N
3	sent	{new,NULL,sent}	Größe	full
4	paid	{"it's gone"}	\N	full
\.

--
-- Data for Name: books; Type: TABLE DATA; Schema: stock; Owner: isochron
--

COPY stock.books (state, n) FROM stdin;
full	2
empty	1
\.

--
-- Data for Name: shelves; Type: TABLE DATA; Schema: stock; Owner: isochron
--

COPY stock.shelves (state, n, first_seen) FROM stdin;
empty	1	sent
full	1	\N
full	2	it's gone
\.

--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

--
-- Name: shelves shelves_pkey; Type: CONSTRAINT; Schema: stock; Owner: isochron
--

ALTER TABLE ONLY stock.shelves
    ADD CONSTRAINT shelves_pkey PRIMARY KEY (state, n);

--
-- Name: orders_state; Type: INDEX; Schema: public; Owner: isochron
--

CREATE INDEX orders_state ON public.orders USING btree (state DESC, id) WHERE (state > 'new'::public.state);

--
-- Name: books books_state_n_fkey; Type: FK CONSTRAINT; Schema: stock; Owner: isochron
--

ALTER TABLE ONLY stock.books
    ADD CONSTRAINT books_state_n_fkey FOREIGN KEY (state, n) REFERENCES stock.shelves(state, n);

--
-- PostgreSQL database dump complete
--

