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
-- Name: badge; Type: SEQUENCE; Schema: public; Owner: isochron
--

CREATE SEQUENCE public.badge
    START WITH 100
    INCREMENT BY 10
    MINVALUE 100
    MAXVALUE 1000
    CACHE 1
    CYCLE;

ALTER TABLE public.badge OWNER TO isochron;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: people; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.people (
    id integer NOT NULL,
    name text NOT NULL,
    boss integer,
    department integer NOT NULL,
    badge bigint DEFAULT nextval('public.badge'::regclass),
    salary numeric(12,2),
    CONSTRAINT not_own_boss CHECK ((boss <> id)),
    CONSTRAINT people_salary_check CHECK ((salary > (0)::numeric))
);

ALTER TABLE public.people OWNER TO isochron;

--
-- Name: chain; Type: VIEW; Schema: public; Owner: isochron
--

CREATE VIEW public.chain AS
 WITH RECURSIVE c AS (
         SELECT people.id,
            people.name,
            people.boss,
            0 AS depth
           FROM public.people
          WHERE (people.boss IS NULL)
        UNION ALL
         SELECT p.id,
            p.name,
            p.boss,
            (c_1.depth + 1)
           FROM (public.people p
             JOIN c c_1 ON ((p.boss = c_1.id)))
        )
 SELECT c.id,
    c.name,
    c.boss,
    c.depth
   FROM c;

ALTER TABLE public.chain OWNER TO isochron;

--
-- Name: departments; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.departments (
    id integer NOT NULL,
    name text NOT NULL,
    head integer
);

ALTER TABLE public.departments OWNER TO isochron;

--
-- Name: departments_id_seq; Type: SEQUENCE; Schema: public; Owner: isochron
--

CREATE SEQUENCE public.departments_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE public.departments_id_seq OWNER TO isochron;

--
-- Name: departments_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: isochron
--

ALTER SEQUENCE public.departments_id_seq OWNED BY public.departments.id;

--
-- Name: down; Type: SEQUENCE; Schema: public; Owner: isochron
--

CREATE SEQUENCE public.down
    AS integer
    START WITH -1
    INCREMENT BY -1
    MINVALUE -10
    NO MAXVALUE
    CACHE 1;

ALTER TABLE public.down OWNER TO isochron;

--
-- Name: paid; Type: VIEW; Schema: public; Owner: isochron
--

CREATE VIEW public.paid AS
 SELECT people.name,
    rank() OVER (PARTITION BY people.department ORDER BY people.salary DESC) AS place,
    COALESCE(people.salary, (0)::numeric) AS salary
   FROM public.people;

ALTER TABLE public.paid OWNER TO isochron;

--
-- Name: people_id_seq; Type: SEQUENCE; Schema: public; Owner: isochron
--

CREATE SEQUENCE public.people_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE public.people_id_seq OWNER TO isochron;

--
-- Name: people_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: isochron
--

ALTER SEQUENCE public.people_id_seq OWNED BY public.people.id;

--
-- Name: shifts; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.shifts (
    person integer NOT NULL,
    day date NOT NULL,
    hours numeric(4,2)
);

ALTER TABLE public.shifts OWNER TO isochron;

--
-- Name: swaps; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.swaps (
    id bigint NOT NULL,
    person integer,
    day date,
    taker integer DEFAULT 1
);

ALTER TABLE public.swaps OWNER TO isochron;

--
-- Name: swaps_id_seq; Type: SEQUENCE; Schema: public; Owner: isochron
--

CREATE SEQUENCE public.swaps_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE public.swaps_id_seq OWNER TO isochron;

--
-- Name: swaps_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: isochron
--

ALTER SEQUENCE public.swaps_id_seq OWNED BY public.swaps.id;

--
-- Name: unused; Type: SEQUENCE; Schema: public; Owner: isochron
--

CREATE SEQUENCE public.unused
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE public.unused OWNER TO isochron;

--
-- Name: departments id; Type: DEFAULT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.departments ALTER COLUMN id SET DEFAULT nextval('public.departments_id_seq'::regclass);

--
-- Name: people id; Type: DEFAULT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.people ALTER COLUMN id SET DEFAULT nextval('public.people_id_seq'::regclass);

--
-- Name: swaps id; Type: DEFAULT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.swaps ALTER COLUMN id SET DEFAULT nextval('public.swaps_id_seq'::regclass);

--
-- Data for Name: departments; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.departments (id, name, head) FROM stdin;
1	ops	1
2	dev	3
\.

--
-- Data for Name: people; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.people (id, name, boss, department, badge, salary) FROM stdin;
1	Ada	\N	1	100	100.00
2	Bob	1	1	110	50.50
3	Cyd	1	2	120	\N
4	Dee	2	2	130	1.00
\.

--
-- Data for Name: shifts; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.shifts (person, day, hours) FROM stdin;
1	2024-01-01	8.00
2	2024-01-01	7.50
\.

--
-- Data for Name: swaps; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.swaps (id, person, day, taker) FROM stdin;
1	1	2024-01-01	2
2	\N	\N	3
\.

--
-- Name: badge; Type: SEQUENCE SET; Schema: public; Owner: isochron
--

SELECT pg_catalog.setval('public.badge', 500, true);

--
-- Name: departments_id_seq; Type: SEQUENCE SET; Schema: public; Owner: isochron
--

SELECT pg_catalog.setval('public.departments_id_seq', 2, true);

--
-- Name: down; Type: SEQUENCE SET; Schema: public; Owner: isochron
--

SELECT pg_catalog.setval('public.down', -5, false);

--
-- Name: people_id_seq; Type: SEQUENCE SET; Schema: public; Owner: isochron
--

SELECT pg_catalog.setval('public.people_id_seq', 4, true);

--
-- Name: swaps_id_seq; Type: SEQUENCE SET; Schema: public; Owner: isochron
--

SELECT pg_catalog.setval('public.swaps_id_seq', 2, true);

--
-- Name: unused; Type: SEQUENCE SET; Schema: public; Owner: isochron
--

SELECT pg_catalog.setval('public.unused', 1, false);

--
-- Name: departments departments_name_key; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.departments
    ADD CONSTRAINT departments_name_key UNIQUE (name);

--
-- Name: departments departments_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.departments
    ADD CONSTRAINT departments_pkey PRIMARY KEY (id);

--
-- Name: swaps late; Type: CHECK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE public.swaps
    ADD CONSTRAINT late CHECK ((id > 0)) NOT VALID;

--
-- Name: people people_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (id);

--
-- Name: shifts shifts_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_pkey PRIMARY KEY (person, day);

--
-- Name: people_boss; Type: INDEX; Schema: public; Owner: isochron
--

CREATE INDEX people_boss ON public.people USING btree (boss);

--
-- Name: swaps_once; Type: INDEX; Schema: public; Owner: isochron
--

CREATE UNIQUE INDEX swaps_once ON public.swaps USING btree (person, day, taker);

--
-- Name: departments departments_head; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.departments
    ADD CONSTRAINT departments_head FOREIGN KEY (head) REFERENCES public.people(id) DEFERRABLE;

--
-- Name: people people_boss_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_boss_fkey FOREIGN KEY (boss) REFERENCES public.people(id) ON DELETE SET NULL;

--
-- Name: people people_department_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_department_fkey FOREIGN KEY (department) REFERENCES public.departments(id) DEFERRABLE INITIALLY DEFERRED;

--
-- Name: shifts shifts_person_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_person_fkey FOREIGN KEY (person) REFERENCES public.people(id) ON UPDATE CASCADE ON DELETE RESTRICT;

--
-- Name: swaps swaps_person_day_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.swaps
    ADD CONSTRAINT swaps_person_day_fkey FOREIGN KEY (person, day) REFERENCES public.shifts(person, day) MATCH FULL ON DELETE CASCADE;

--
-- Name: swaps swaps_taker_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.swaps
    ADD CONSTRAINT swaps_taker_fkey FOREIGN KEY (taker) REFERENCES public.people(id) ON DELETE SET DEFAULT;

--
-- PostgreSQL database dump complete
--

