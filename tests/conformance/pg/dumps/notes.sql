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
-- Name: Odd Name; Type: SCHEMA; Schema: -; Owner: isochron
--

CREATE SCHEMA "Odd Name";

ALTER SCHEMA "Odd Name" OWNER TO isochron;

--
-- Name: archive; Type: SCHEMA; Schema: -; Owner: isochron
--

CREATE SCHEMA archive;

ALTER SCHEMA archive OWNER TO isochron;

--
-- Name: SCHEMA archive; Type: COMMENT; Schema: -; Owner: isochron
--

COMMENT ON SCHEMA archive IS 'what is old';

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: The "Table"; Type: TABLE; Schema: Odd Name; Owner: isochron
--

CREATE TABLE "Odd Name"."The ""Table""" (
    "select" integer NOT NULL,
    "with space" text DEFAULT 'it''s \ a "default"'::text,
    "UPPER" bigint GENERATED ALWAYS AS (("select" * 2)) STORED
);

ALTER TABLE "Odd Name"."The ""Table""" OWNER TO isochron;

--
-- Name: view; Type: VIEW; Schema: Odd Name; Owner: isochron
--

CREATE VIEW "Odd Name".view AS
 SELECT "The ""Table"""."select" AS "from",
    "The ""Table"""."with space"
   FROM "Odd Name"."The ""Table""";

ALTER TABLE "Odd Name".view OWNER TO isochron;

--
-- Name: notes; Type: TABLE; Schema: archive; Owner: isochron
--

CREATE TABLE archive.notes (
    id uuid NOT NULL,
    body text,
    moved timestamp with time zone DEFAULT CURRENT_TIMESTAMP
);

ALTER TABLE archive.notes OWNER TO isochron;

--
-- Name: notes; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.notes (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    body text NOT NULL,
    raw bytea,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    matrix integer[],
    meta jsonb DEFAULT '{}'::jsonb NOT NULL,
    loose json,
    made timestamp(3) with time zone DEFAULT now(),
    local timestamp without time zone,
    at_time time(0) without time zone,
    span interval,
    days interval day to second,
    small smallint,
    big bigint,
    ratio double precision,
    part real,
    fixed character(5),
    short character varying(3),
    flag boolean,
    letter "char",
    amounts numeric(8,2)[],
    length integer GENERATED ALWAYS AS (length(body)) STORED,
    shout text GENERATED ALWAYS AS ((upper(body) || '!'::text)) STORED
);

ALTER TABLE public.notes OWNER TO isochron;

--
-- Name: recent; Type: VIEW; Schema: archive; Owner: isochron
--

CREATE VIEW archive.recent AS
 SELECT n.id,
    n.body,
    a.moved
   FROM (public.notes n
     LEFT JOIN archive.notes a USING (id))
  WHERE (n.made > '2020-01-01 00:00:00+00'::timestamp with time zone)
  ORDER BY n.made DESC
 LIMIT 10;

ALTER TABLE archive.recent OWNER TO isochron;

--
-- Name: empty_one; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.empty_one (
);

ALTER TABLE public.empty_one OWNER TO isochron;

--
-- Name: hashes; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.hashes (
    hash bytea NOT NULL,
    who text,
    CONSTRAINT hash_len CHECK ((octet_length(hash) <= 32)),
    CONSTRAINT hash_not CHECK ((hash <> '\x00'::bytea))
);

ALTER TABLE public.hashes OWNER TO isochron;

--
-- Name: plain; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.plain (
    a integer,
    b text
);

ALTER TABLE public.plain OWNER TO isochron;

--
-- Data for Name: The "Table"; Type: TABLE DATA; Schema: Odd Name; Owner: isochron
--

COPY "Odd Name"."The ""Table""" ("select", "with space") FROM stdin;
1	it's \\ a "default"
2	it's \\ a "default"
\.

--
-- Data for Name: notes; Type: TABLE DATA; Schema: archive; Owner: isochron
--

COPY archive.notes (id, body, moved) FROM stdin;
12345678-1234-1234-1234-123456789abc	first	2024-01-01 00:00:00+00
00000000-0000-0000-0000-000000000000	tab\there\\ and\nline	2024-01-01 00:00:00+00
ffffffff-ffff-ffff-ffff-ffffffffffff	\\.	2024-01-01 00:00:00+00
\.

--
-- Data for Name: empty_one; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.empty_one  FROM stdin;
\.

--
-- Data for Name: hashes; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.hashes (hash, who) FROM stdin;
\\xdeadbeef	a
\\x5c5c	b
\.

--
-- Data for Name: notes; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.notes (id, body, raw, tags, matrix, meta, loose, made, local, at_time, span, days, small, big, ratio, part, fixed, short, flag, letter, amounts) FROM stdin;
12345678-1234-1234-1234-123456789abc	first	\\x00ff0a5c	{a,"b c",NULL,"q\\"x"}	{{1,2},{3,4}}	{"a": "ü", "k": [1, 2.50, null]}	{"b" : 1,  "a":2}	2024-02-29 12:13:14.567+00	2024-02-29 01:02:03.456789	13:14:15	1 year 2 mons -3 days +04:05:06.7	1 day 02:03:04	-7	9223372036854775807	0.1	1.5	ab   	xyz	t	x	{1.50,NULL,99999.99}
00000000-0000-0000-0000-000000000000	tab\there\\ and\nline	\\x	{}	\N	[]	\N	infinity	-infinity	00:00:00	-1 days	\N	\N	-1	NaN	-Infinity	\N		f	\N	{}
ffffffff-ffff-ffff-ffff-ffffffffffff	\\.	\N	[2:3]={x,y}	[0:1]={5,6}	null	"s"	0044-03-15 12:00:00+00 BC	\N	\N	00:00:00	\N	32767	0	1e+300	1e-30	     	ü	\N	\N	\N
\.

--
-- Data for Name: plain; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.plain (a, b) FROM stdin;
1	x
1	x
\N	\N
\.

--
-- Name: The "Table" The "Table"_pkey; Type: CONSTRAINT; Schema: Odd Name; Owner: isochron
--

ALTER TABLE ONLY "Odd Name"."The ""Table"""
    ADD CONSTRAINT "The ""Table""_pkey" PRIMARY KEY ("select");

--
-- Name: notes notes_pkey; Type: CONSTRAINT; Schema: archive; Owner: isochron
--

ALTER TABLE ONLY archive.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (id);

--
-- Name: hashes hashes_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.hashes
    ADD CONSTRAINT hashes_pkey PRIMARY KEY (hash);

--
-- Name: notes notes_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (id);

--
-- Name: archive_moved; Type: INDEX; Schema: archive; Owner: isochron
--

CREATE INDEX archive_moved ON archive.notes USING btree (moved) WHERE (body IS NOT NULL);

--
-- Name: notes_lower; Type: INDEX; Schema: public; Owner: isochron
--

CREATE INDEX notes_lower ON public.notes USING btree (lower(body), ((small + 1)));

--
-- Name: notes_made; Type: INDEX; Schema: public; Owner: isochron
--

CREATE INDEX notes_made ON public.notes USING btree (made DESC, id);

--
-- PostgreSQL database dump complete
--

