// As much of the DNS as the tests need: ask over UDP, and be an upstream that knows every name.
import { createSocket } from "node:dgram";
import { once } from "node:events";

export const types = { A: 1, TXT: 16, AAAA: 28, HTTPS: 65 };

/** A name as on the wire. Labels are bytes, so that a test can ask for what no browser would. */
export function wireName(name) {
  const labels = Array.isArray(name) ? name : name.split(".").filter((label) => label !== "");
  const parts = labels.flatMap((label) => {
    const bytes = Buffer.from(label);
    return [Buffer.from([bytes.length]), bytes];
  });
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function question(name, type) {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(Math.floor(Math.random() * 65_536), 0);
  head.writeUInt16BE(0x0100, 2);
  head.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(types[type], 0);
  tail.writeUInt16BE(1, 2);
  return Buffer.concat([head, wireName(name), tail]);
}

/** Asks one question from an address of ours; gives the code and the last four bytes of the answer. */
export async function ask({ name, type = "A", from, port }) {
  const socket = createSocket("udp4");
  try {
    socket.bind(0, from);
    await once(socket, "listening");
    const sent = question(name, type);
    const answered = once(socket, "message", { signal: AbortSignal.timeout(5000) });
    socket.send(sent, port, "127.0.0.1");
    const [reply] = await answered;
    const records = reply.readUInt16BE(6);
    return {
      code: reply[3] & 15,
      records,
      address: records > 0 && type === "A" ? addressOf(reply, sent.length) : undefined,
    };
  } finally {
    socket.close();
  }
}

/** The address in the first record, which follows the question. */
function addressOf(reply, at) {
  let start = at;
  while (reply[start] !== 0 && reply[start] < 192) start += reply[start] + 1;
  start += reply[start] >= 192 ? 2 : 1;
  return [...reply.subarray(start + 10, start + 14)].join(".");
}

/** An upstream: every A is 192.0.2.1, everything else is empty. */
export async function upstream() {
  const socket = createSocket("udp4");
  socket.on("message", (message, { address, port }) => {
    let end = 12;
    while (message[end] !== 0) end += message[end] + 1;
    end += 5;
    const isA = message.readUInt16BE(end - 4) === types.A;
    const head = Buffer.from(message.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(isA ? 1 : 0, 6);
    head.writeUInt16BE(0, 8);
    head.writeUInt16BE(0, 10);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    socket.send([head, message.subarray(12, end), ...(isA ? [record] : [])], port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { port: socket.address().port, close: () => socket.close() };
}
