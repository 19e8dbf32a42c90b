// What the tests run against: the real server with a few devices that ask real questions, the mock,
// or whatever answers under BASE_URL.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createSite } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, upstream } from "./dns.mjs";

const waitMs = 15_000;

export async function until(what, test) {
  const end = Date.now() + waitMs;
  for (;;) {
    const found = await test();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${waitMs} ms in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function freeTcp() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function freeUdp() {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

async function isUp(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** Starts a server, waits until it answers, and gives how to stop it. */
export async function start(command, args, url, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  await until(`${command} to answer`, () => {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}:\n${said}`);
    return isUp(url);
  });
  const stop = async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  return Object.assign(stop, { said: () => said });
}

/** Ports that nothing listens on. */
export async function freePorts() {
  return { dns: await freeUdp(), web: await freeTcp() };
}

export async function api(base, path) {
  const response = await fetch(`${base}/api/v1/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function mock() {
  const port = await freeTcp();
  const base = `http://127.0.0.1:${port}`;
  const script = new URL("../../dev/mock.mjs", import.meta.url).pathname;
  const stop = await start(process.execPath, [script, "--port", `${port}`, "--quiet"], base);
  return { ...madeUp(base), stop };
}

/** The mock takes questions over HTTP. */
function madeUp(base) {
  return {
    base,
    isReal: false,
    stop: async () => {},
    ask: (name, device = 1) =>
      fetch(`${base}/mock/ask?name=${encodeURIComponent(name)}&device=d${device + 1}`),
    names: { block: "open.oneplus.example", watch: "app-measurement.google.example", plain: "www.home.example" },
    hostile: "<img\\032src=x\\032onerror=alert(1)>.example",
    aList: "https://lists.example/ads.txt",
  };
}

/** A web server with lists, which tests publish and take back. */
async function site() {
  const files = new Map();
  const server = createSite((request, response) => {
    const text = files.get(request.url);
    response.writeHead(text === undefined ? 404 : 200, { "content-type": "text/plain" }).end(text);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    publish: (path, text) => (text === undefined ? files.delete(path) : files.set(path, text)),
    close: () => server.close().closeAllConnections(),
  };
}

/** Names of the packs that the config below blocks, and of those that it only watches. */
async function namesOf(base) {
  const { items } = await api(base, "packs");
  const find = async (effective) => {
    for (const { id } of items.filter((pack) => (pack.action === "block") === (effective === "block"))) {
      const { entries } = await api(base, `packs/${id}`);
      const names = entries.filter((entry) => entry.effective === effective).map((entry) => entry.domain);
      if (names.length >= 2) return names;
    }
    throw new Error(`no pack has two names to ${effective}`);
  };
  return { block: await find("block"), watch: await find("watch") };
}

async function real(binary) {
  const folder = mkdtempSync(join(tmpdir(), "squelch-browser-"));
  const stub = await upstream();
  const lists = await site();
  lists.publish("/a.txt", "0.0.0.0 a-list.example\n0.0.0.0 other.example\nno hosts line\n");
  writeFileSync(join(folder, "declared.txt"), "declared-one.example\ndeclared-two.example\nnot..a..name\n");
  const [dns, web] = [await freeUdp(), await freeTcp()];
  const base = `http://127.0.0.1:${web}`;
  const config = join(folder, "config.toml");
  writeFileSync(
    config,
    `data_dir = ${JSON.stringify(join(folder, "data"))}
[dns]
listen = ["127.0.0.1:${dns}"]
[upstream]
servers = ["udp://127.0.0.1:${stub.port}"]
[packs]
default = "watch"
oneplus = "block"
[lists]
allow_private_sources = true
[[list]]
name = "declared"
source = "declared.txt"
[journal]
flush = "1s"
[web]
listen = ["127.0.0.1:${web}"]
`,
  );
  const stop = await start(binary, ["serve", "--config", config], `${base}/healthz`);
  const found = await namesOf(base);
  const home = {
    base,
    isReal: true,
    // Each device is an address of the loopback network.
    ask: (name, device = 1, type = "A") => ask({ name, type, port: dns, from: `127.0.0.${10 + device}` }),
    names: { block: found.block[0], watch: found.watch[0], plain: "www.home.example" },
    hostile: ["<img src=x onerror=alert(1)>", "example"],
    aList: `${lists.address}/a.txt`,
    published: lists.address,
    publish: lists.publish,
    stop: async () => {
      await stop();
      stub.close();
      lists.close();
      rmSync(folder, { recursive: true });
    },
  };
  await live(home, found);
  return home;
}

/** A day of a small home, in a second. */
async function live(home, { block, watch }) {
  let sent = 0;
  const asks = async (count, name, device, type) => {
    for (let each = 0; each < count; each += 1) await home.ask(name, device, type);
    sent += count;
  };
  for (const [device, times] of [3, 14, 40].entries()) {
    await asks(times, block[0], device + 1);
    await asks(times * 2, block[1], device + 1, "AAAA");
    await asks(device * 5, watch[0], device + 1);
    await asks(20, home.names.plain, device + 1);
  }
  await asks(30, watch[1], 4);
  for (let each = 0; each < 150; each += 1) await asks(1, `www.site-${each}.example`, 5);
  await until("the questions to be counted", async () => {
    const { totals } = await api(home.base, "summary");
    return totals.queries >= sent;
  });
}

export async function openHome() {
  const { SERVER_BINARY: binary, BASE_URL: base } = process.env;
  if (binary) return real(binary);
  if (base) return madeUp(base.replace(/\/$/, ""));
  if (process.argv.includes("--mock")) return mock();
  console.error("Say what to test: SERVER_BINARY=…/squelch for the real server, or --mock for the mock.");
  return process.exit(2);
}
