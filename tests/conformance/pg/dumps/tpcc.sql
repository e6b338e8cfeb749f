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

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: customer; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.customer (
    c_w_id integer NOT NULL,
    c_d_id integer NOT NULL,
    c_id integer NOT NULL,
    c_first character varying(16),
    c_middle character(2),
    c_last character varying(16),
    c_phone character(16),
    c_since timestamp without time zone,
    c_credit character(2),
    c_credit_lim numeric(12,2),
    c_discount numeric(4,4),
    c_balance numeric(12,2),
    c_ytd_payment numeric(12,2),
    c_payment_cnt integer,
    c_delivery_cnt integer,
    c_data character varying(500)
);

ALTER TABLE public.customer OWNER TO isochron;

--
-- Name: district; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.district (
    d_w_id integer NOT NULL,
    d_id integer NOT NULL,
    d_name character varying(10),
    d_street_1 character varying(20),
    d_city character varying(20),
    d_state character(2),
    d_zip character(9),
    d_tax numeric(4,4),
    d_ytd numeric(12,2),
    d_next_o_id integer
);

ALTER TABLE public.district OWNER TO isochron;

--
-- Name: history; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.history (
    h_c_id integer,
    h_c_d_id integer,
    h_c_w_id integer,
    h_d_id integer,
    h_w_id integer,
    h_date timestamp without time zone,
    h_amount numeric(6,2),
    h_data character varying(24)
);

ALTER TABLE public.history OWNER TO isochron;

--
-- Name: item; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.item (
    i_id integer NOT NULL,
    i_im_id integer,
    i_name character varying(24),
    i_price numeric(5,2),
    i_data character varying(50)
);

ALTER TABLE public.item OWNER TO isochron;

--
-- Name: new_order; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.new_order (
    no_w_id integer NOT NULL,
    no_d_id integer NOT NULL,
    no_o_id integer NOT NULL
);

ALTER TABLE public.new_order OWNER TO isochron;

--
-- Name: order_line; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.order_line (
    ol_w_id integer NOT NULL,
    ol_d_id integer NOT NULL,
    ol_o_id integer NOT NULL,
    ol_number integer NOT NULL,
    ol_i_id integer,
    ol_supply_w_id integer,
    ol_delivery_d timestamp without time zone,
    ol_quantity integer,
    ol_amount numeric(6,2),
    ol_dist_info character(24)
);

ALTER TABLE public.order_line OWNER TO isochron;

--
-- Name: orders; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.orders (
    o_w_id integer NOT NULL,
    o_d_id integer NOT NULL,
    o_id integer NOT NULL,
    o_c_id integer,
    o_entry_d timestamp without time zone,
    o_carrier_id integer,
    o_ol_cnt integer,
    o_all_local integer
);

ALTER TABLE public.orders OWNER TO isochron;

--
-- Name: stock; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.stock (
    s_w_id integer NOT NULL,
    s_i_id integer NOT NULL,
    s_quantity integer,
    s_dist character(24),
    s_ytd integer,
    s_order_cnt integer,
    s_remote_cnt integer,
    s_data character varying(50)
);

ALTER TABLE public.stock OWNER TO isochron;

--
-- Name: warehouse; Type: TABLE; Schema: public; Owner: isochron
--

CREATE TABLE public.warehouse (
    w_id integer NOT NULL,
    w_name character varying(10),
    w_street_1 character varying(20),
    w_city character varying(20),
    w_state character(2),
    w_zip character(9),
    w_tax numeric(4,4),
    w_ytd numeric(12,2)
);

ALTER TABLE public.warehouse OWNER TO isochron;

--
-- Data for Name: customer; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.customer (c_w_id, c_d_id, c_id, c_first, c_middle, c_last, c_phone, c_since, c_credit, c_credit_lim, c_discount, c_balance, c_ytd_payment, c_payment_cnt, c_delivery_cnt, c_data) FROM stdin;
1	1	1	first1	OE	BARBARBAR	0000000000000001	2024-01-01 00:00:00	BC	50000.00	0.2459	-10.00	10.00	1	0	data
1	1	2	first2	OE	BARBAROUGHT	0000000000000002	2024-01-01 00:00:00	GC	50000.00	0.2813	-10.00	10.00	1	0	data
1	1	3	first3	OE	BARBARABLE	0000000000000003	2024-01-01 00:00:00	GC	50000.00	0.2358	-10.00	10.00	1	0	data
1	1	4	first4	OE	BARBARPRI	0000000000000004	2024-01-01 00:00:00	GC	50000.00	0.0599	-10.00	10.00	1	0	data
1	2	1	first1	OE	BARBARBAR	0000000000000001	2024-01-01 00:00:00	GC	50000.00	0.2276	-10.00	10.00	1	0	data
1	2	2	first2	OE	BARBAROUGHT	0000000000000002	2024-01-01 00:00:00	GC	50000.00	0.3526	-10.00	10.00	1	0	data
1	2	3	first3	OE	BARBARABLE	0000000000000003	2024-01-01 00:00:00	GC	50000.00	0.2280	-10.00	10.00	1	0	data
1	2	4	first4	OE	BARBARPRI	0000000000000004	2024-01-01 00:00:00	GC	50000.00	0.2939	-10.00	10.00	1	0	data
\.

--
-- Data for Name: district; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.district (d_w_id, d_id, d_name, d_street_1, d_city, d_state, d_zip, d_tax, d_ytd, d_next_o_id) FROM stdin;
1	1	d1	street	city	ST	123411111	0.0500	30000.00	5
1	2	d2	street	city	ST	123411111	0.0500	30000.00	5
\.

--
-- Data for Name: history; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.history (h_c_id, h_c_d_id, h_c_w_id, h_d_id, h_w_id, h_date, h_amount, h_data) FROM stdin;
1	1	1	1	1	2024-01-01 00:00:00	1000.00	loaded
2	1	1	1	1	2024-01-01 00:00:00	1000.00	loaded
3	1	1	1	1	2024-01-01 00:00:00	1000.00	loaded
4	1	1	1	1	2024-01-01 00:00:00	1000.00	loaded
1	2	1	2	1	2024-01-01 00:00:00	1000.00	loaded
2	2	1	2	1	2024-01-01 00:00:00	1000.00	loaded
3	2	1	2	1	2024-01-01 00:00:00	1000.00	loaded
4	2	1	2	1	2024-01-01 00:00:00	1000.00	loaded
\.

--
-- Data for Name: item; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.item (i_id, i_im_id, i_name, i_price, i_data) FROM stdin;
1	5306	item 1	25.71	plain
2	792	item 2	12.86	plain
3	1543	item 3	60.91	plain
4	8314	item 4	36.17	ORIGINAL
5	7105	item 5	69.51	ORIGINAL
6	1487	item 6	91.28	plain
7	9265	item 7	21.28	plain
8	9552	item 8	11.13	plain
9	6500	item 9	9.12	plain
10	764	item 10	92.20	plain
11	4745	item 11	69.67	plain
12	1930	item 12	94.53	plain
13	2962	item 13	17.88	plain
14	3079	item 14	62.01	ORIGINAL
15	1029	item 15	93.46	ORIGINAL
\.

--
-- Data for Name: new_order; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.new_order (no_w_id, no_d_id, no_o_id) FROM stdin;
1	1	3
1	1	4
1	2	3
1	2	4
\.

--
-- Data for Name: order_line; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.order_line (ol_w_id, ol_d_id, ol_o_id, ol_number, ol_i_id, ol_supply_w_id, ol_delivery_d, ol_quantity, ol_amount, ol_dist_info) FROM stdin;
1	1	1	1	3	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	1	2	15	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	1	3	8	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	1	4	7	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	1	5	1	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	1	6	11	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	1	7	2	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	1	13	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	2	15	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	3	14	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	4	6	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	5	6	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	6	12	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	7	6	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	8	10	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	9	8	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	10	10	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	11	13	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	12	8	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	2	13	2	1	2024-01-01 00:00:00	5	0.00	dist                    
1	1	3	1	5	1	\N	5	9905.70	dist                    
1	1	3	2	12	1	\N	5	4971.29	dist                    
1	1	3	3	2	1	\N	5	6964.15	dist                    
1	1	3	4	12	1	\N	5	636.17	dist                    
1	1	3	5	5	1	\N	5	7355.68	dist                    
1	1	3	6	10	1	\N	5	6785.64	dist                    
1	1	4	1	8	1	\N	5	8618.51	dist                    
1	1	4	2	12	1	\N	5	2984.21	dist                    
1	1	4	3	15	1	\N	5	4045.32	dist                    
1	1	4	4	6	1	\N	5	7011.34	dist                    
1	1	4	5	8	1	\N	5	236.59	dist                    
1	1	4	6	3	1	\N	5	3727.32	dist                    
1	1	4	7	2	1	\N	5	6405.96	dist                    
1	1	4	8	1	1	\N	5	5176.75	dist                    
1	1	4	9	13	1	\N	5	2288.08	dist                    
1	1	4	10	3	1	\N	5	3013.95	dist                    
1	1	4	11	4	1	\N	5	7742.31	dist                    
1	1	4	12	7	1	\N	5	4172.26	dist                    
1	1	4	13	14	1	\N	5	9613.52	dist                    
1	1	4	14	2	1	\N	5	5206.26	dist                    
1	1	4	15	8	1	\N	5	1744.48	dist                    
1	2	1	1	3	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	1	2	4	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	1	3	11	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	1	4	4	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	1	5	1	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	1	6	8	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	1	5	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	2	5	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	3	1	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	4	3	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	5	7	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	6	9	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	7	6	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	8	10	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	9	10	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	10	6	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	11	3	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	12	12	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	13	14	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	2	14	9	1	2024-01-01 00:00:00	5	0.00	dist                    
1	2	3	1	11	1	\N	5	6867.83	dist                    
1	2	3	2	1	1	\N	5	7757.21	dist                    
1	2	3	3	15	1	\N	5	4788.26	dist                    
1	2	3	4	13	1	\N	5	9132.89	dist                    
1	2	3	5	14	1	\N	5	9981.26	dist                    
1	2	3	6	13	1	\N	5	7136.35	dist                    
1	2	3	7	7	1	\N	5	5864.39	dist                    
1	2	3	8	7	1	\N	5	4174.07	dist                    
1	2	3	9	2	1	\N	5	4132.65	dist                    
1	2	3	10	11	1	\N	5	5049.14	dist                    
1	2	3	11	1	1	\N	5	4198.95	dist                    
1	2	3	12	2	1	\N	5	1998.69	dist                    
1	2	3	13	8	1	\N	5	2189.05	dist                    
1	2	3	14	2	1	\N	5	1701.88	dist                    
1	2	4	1	1	1	\N	5	6299.09	dist                    
1	2	4	2	1	1	\N	5	1073.53	dist                    
1	2	4	3	3	1	\N	5	5943.16	dist                    
1	2	4	4	2	1	\N	5	5626.86	dist                    
1	2	4	5	6	1	\N	5	9950.45	dist                    
1	2	4	6	1	1	\N	5	6435.51	dist                    
1	2	4	7	14	1	\N	5	737.32	dist                    
1	2	4	8	10	1	\N	5	2180.55	dist                    
1	2	4	9	3	1	\N	5	3945.06	dist                    
1	2	4	10	5	1	\N	5	6652.27	dist                    
\.

--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.orders (o_w_id, o_d_id, o_id, o_c_id, o_entry_d, o_carrier_id, o_ol_cnt, o_all_local) FROM stdin;
1	1	1	4	2024-01-01 00:00:00	6	7	1
1	1	2	2	2024-01-01 00:00:00	10	13	1
1	1	3	3	2024-01-01 00:00:00	\N	6	1
1	1	4	1	2024-01-01 00:00:00	\N	15	1
1	2	1	2	2024-01-01 00:00:00	3	6	1
1	2	2	3	2024-01-01 00:00:00	3	14	1
1	2	3	1	2024-01-01 00:00:00	\N	14	1
1	2	4	4	2024-01-01 00:00:00	\N	10	1
\.

--
-- Data for Name: stock; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.stock (s_w_id, s_i_id, s_quantity, s_dist, s_ytd, s_order_cnt, s_remote_cnt, s_data) FROM stdin;
1	1	36	dist 1                  	0	0	0	plain
1	2	73	dist 1                  	0	0	0	plain
1	3	97	dist 1                  	0	0	0	plain
1	4	78	dist 1                  	0	0	0	plain
1	5	64	dist 1                  	0	0	0	plain
1	6	50	dist 1                  	0	0	0	plain
1	7	69	dist 1                  	0	0	0	plain
1	8	84	dist 1                  	0	0	0	plain
1	9	68	dist 1                  	0	0	0	plain
1	10	56	dist 1                  	0	0	0	plain
1	11	48	dist 1                  	0	0	0	plain
1	12	41	dist 1                  	0	0	0	plain
1	13	33	dist 1                  	0	0	0	plain
1	14	99	dist 1                  	0	0	0	plain
1	15	41	dist 1                  	0	0	0	plain
\.

--
-- Data for Name: warehouse; Type: TABLE DATA; Schema: public; Owner: isochron
--

COPY public.warehouse (w_id, w_name, w_street_1, w_city, w_state, w_zip, w_tax, w_ytd) FROM stdin;
1	w1	street	city	ST	123411111	0.1000	60000.00
\.

--
-- Name: customer customer_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (c_w_id, c_d_id, c_id);

--
-- Name: district district_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.district
    ADD CONSTRAINT district_pkey PRIMARY KEY (d_w_id, d_id);

--
-- Name: item item_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_pkey PRIMARY KEY (i_id);

--
-- Name: new_order new_order_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.new_order
    ADD CONSTRAINT new_order_pkey PRIMARY KEY (no_w_id, no_d_id, no_o_id);

--
-- Name: order_line order_line_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.order_line
    ADD CONSTRAINT order_line_pkey PRIMARY KEY (ol_w_id, ol_d_id, ol_o_id, ol_number);

--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (o_w_id, o_d_id, o_id);

--
-- Name: stock stock_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.stock
    ADD CONSTRAINT stock_pkey PRIMARY KEY (s_w_id, s_i_id);

--
-- Name: warehouse warehouse_pkey; Type: CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.warehouse
    ADD CONSTRAINT warehouse_pkey PRIMARY KEY (w_id);

--
-- Name: customer_name; Type: INDEX; Schema: public; Owner: isochron
--

CREATE INDEX customer_name ON public.customer USING btree (c_w_id, c_d_id, c_last, c_first);

--
-- Name: orders_customer; Type: INDEX; Schema: public; Owner: isochron
--

CREATE INDEX orders_customer ON public.orders USING btree (o_w_id, o_d_id, o_c_id, o_id);

--
-- Name: customer customer_c_w_id_c_d_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_c_w_id_c_d_id_fkey FOREIGN KEY (c_w_id, c_d_id) REFERENCES public.district(d_w_id, d_id);

--
-- Name: district district_d_w_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.district
    ADD CONSTRAINT district_d_w_id_fkey FOREIGN KEY (d_w_id) REFERENCES public.warehouse(w_id);

--
-- Name: history history_h_c_w_id_h_c_d_id_h_c_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_h_c_w_id_h_c_d_id_h_c_id_fkey FOREIGN KEY (h_c_w_id, h_c_d_id, h_c_id) REFERENCES public.customer(c_w_id, c_d_id, c_id);

--
-- Name: history history_h_w_id_h_d_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_h_w_id_h_d_id_fkey FOREIGN KEY (h_w_id, h_d_id) REFERENCES public.district(d_w_id, d_id);

--
-- Name: new_order new_order_no_w_id_no_d_id_no_o_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.new_order
    ADD CONSTRAINT new_order_no_w_id_no_d_id_no_o_id_fkey FOREIGN KEY (no_w_id, no_d_id, no_o_id) REFERENCES public.orders(o_w_id, o_d_id, o_id);

--
-- Name: order_line order_line_ol_supply_w_id_ol_i_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.order_line
    ADD CONSTRAINT order_line_ol_supply_w_id_ol_i_id_fkey FOREIGN KEY (ol_supply_w_id, ol_i_id) REFERENCES public.stock(s_w_id, s_i_id);

--
-- Name: order_line order_line_ol_w_id_ol_d_id_ol_o_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.order_line
    ADD CONSTRAINT order_line_ol_w_id_ol_d_id_ol_o_id_fkey FOREIGN KEY (ol_w_id, ol_d_id, ol_o_id) REFERENCES public.orders(o_w_id, o_d_id, o_id);

--
-- Name: orders orders_o_w_id_o_d_id_o_c_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_o_w_id_o_d_id_o_c_id_fkey FOREIGN KEY (o_w_id, o_d_id, o_c_id) REFERENCES public.customer(c_w_id, c_d_id, c_id);

--
-- Name: stock stock_s_i_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.stock
    ADD CONSTRAINT stock_s_i_id_fkey FOREIGN KEY (s_i_id) REFERENCES public.item(i_id);

--
-- Name: stock stock_s_w_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: isochron
--

ALTER TABLE ONLY public.stock
    ADD CONSTRAINT stock_s_w_id_fkey FOREIGN KEY (s_w_id) REFERENCES public.warehouse(w_id);

--
-- PostgreSQL database dump complete
--

