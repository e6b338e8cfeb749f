// SPDX-License-Identifier: Apache-2.0
// Where the nodes are: the first at $PGHOST and $PGPORT, all of them in $NODES, "host:port,...".
'use strict';

exports.database = (node) => {
  const [host, port] = process.env.NODES.split(',')[node].split(':');
  return {host, port: Number(port), user: process.env.PGUSER, database: process.env.PGDATABASE};
};
