// SPDX-License-Identifier: GPL-2.0-only
//
// A service with Node's pg pool (at most 10 connections): workers borrow a connection, query, release it.
//
// Healthy (LEAK 0): all 10 are in use once, then WORKERS of them carry the traffic and the others rest in the pool.
// With LEAK > 0 it first borrows that many, queries on each and never releases them; a moment later the workers make
// the pool open newer ones. An event loop polls every socket it has: the kernel cannot tell who still wants an answer.
//
// Prints {"pid", "leaked": [local ports], "expected": verdict or null} when the situation is complete, works on until
// stdin ends.   usage: node node_pool.js URL WORKERS LEAK
"use strict";
const { Pool } = require("pg");

const MAX = 10;
const PAUSE = 20; // ms between two requests of a worker: a busy service, not a benchmark
const LATER = 300; // ms: the newer connections must not look like the same burst as the leaked ones
const [url, workers, leak] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const pool = new Pool({ connectionString: url, max: MAX, idleTimeoutMillis: 60000 });

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const query = (client) => client.query("select count(*) from generate_series(1, 10)");

// All at the same time, so that there are n of them.
async function borrowTogether(n) {
	const clients = await Promise.all(Array.from({ length: n }, () => pool.connect()));
	await Promise.all(clients.map(query));
	return clients;
}

async function once() {
	const client = await pool.connect();
	await query(client);
	client.release();
}

async function work() {
	for (;;) {
		await once();
		await pause(PAUSE);
	}
}

async function main() {
	const leaked = await borrowTogether(leak);
	if (leak)
		await pause(LATER);
	else
		(await borrowTogether(MAX)).forEach((client) => client.release());
	await Promise.all(Array.from({ length: workers }, once));
	for (let i = 0; i < workers; i++)
		work();
	console.log(JSON.stringify({
		pid: process.pid,
		leaked: leaked.map((client) => client.connection.stream.localPort),
		expected: leak ? "bypassed" : null,
	}));
}

process.stdin.on("end", () => process.exit(0)).resume();
main();
