import { describe, expect, it } from "vitest";
import { Tail, linesOf, mostRows, windowOf } from "../../src/lib/tail.ts";
import { row, rows } from "./made.ts";

const ids = (some: readonly { id: string }[]) => some.map((one) => one.id).join(" ");

describe("the live log", () => {
  it("puts what arrives in front, newest first", () => {
    const tail = new Tail();
    tail.append(rows(2, 10));
    tail.arrive(rows(2, 0), false);
    expect(ids(tail.rows)).toBe("r0 r1 r10 r11");
  });

  it("shows nothing twice that comes by the page and by the stream", () => {
    const tail = new Tail();
    tail.append(rows(3));
    tail.arrive(rows(2), false);
    tail.append(rows(4));
    expect(ids(tail.rows)).toBe("r0 r1 r2 r3");
  });

  it("counts while it is held, and keeps the order when it goes on", () => {
    const tail = new Tail();
    tail.append(rows(1, 9));
    tail.arrive(rows(2, 4), true);
    tail.arrive(rows(2, 2), true);
    expect(tail.waiting).toBe(4);
    expect(ids(tail.rows)).toBe("r9");
    expect(tail.release()).toBe(true);
    expect(ids(tail.rows)).toBe("r2 r3 r4 r5 r9");
    expect(tail.waiting).toBe(0);
  });

  it("shows what was held before what comes after", () => {
    const tail = new Tail();
    tail.arrive(rows(1, 1), true);
    tail.arrive(rows(1, 0), false);
    expect(ids(tail.rows)).toBe("r0 r1");
  });

  it("counts on when it holds more than it keeps, and says that rows are missing", () => {
    const tail = new Tail();
    for (let at = 5000; at > 0; at -= 100) tail.arrive(rows(100, at), true);
    expect(tail.waiting).toBe(5000);
    expect(tail.release()).toBe(false);
  });

  it("remembers nothing of what it does not hold", () => {
    const tail = new Tail();
    for (let at = 5000; at > 0; at -= 100) tail.arrive(rows(100, at), true);
    const lost = rows(1, 5050);
    tail.append(lost);
    expect(tail.oldest?.id).toBe(lost[0]?.id);
  });

  it("drops the oldest beyond its limit, and can read them again", () => {
    const tail = new Tail();
    tail.append(rows(mostRows, 100));
    tail.arrive(rows(2), false);
    expect(tail.rows.length).toBe(mostRows);
    expect(tail.cut).toBe(true);
    const dropped = rows(1, 100 + mostRows - 1);
    tail.append(dropped);
    expect(tail.oldest?.id).toBe(dropped[0]?.id);
  });
});

describe("lines", () => {
  const at = (second: number) => new Date(Date.UTC(2026, 10, 20, 9, 0, second)).toISOString();

  it("fold what one device asks of one name within ten seconds", () => {
    const lines = linesOf([
      row({ id: "c", at: at(20), type: "HTTPS" }),
      row({ id: "x", at: at(19), name: "other.example" }),
      row({ id: "b", at: at(18), type: "AAAA" }),
      row({ id: "a", at: at(12), type: "A" }),
      row({ id: "0", at: at(3), type: "A" }),
    ]);
    expect(lines.map((line) => [line.id, line.count])).toEqual([
      ["a", 3],
      ["x", 1],
      ["0", 1],
    ]);
    expect(lines[0]?.types).toEqual(["HTTPS", "AAAA", "A"]);
    expect(lines[0]?.row.id).toBe("c");
  });

  it("never fold two verdicts, two devices, or a failure into one", () => {
    const lines = linesOf([
      row({ id: "1", verdict: "block" }),
      row({ id: "2", verdict: "watch" }),
      row({ id: "3", device: { id: "d2", name: "Phone" } }),
      row({ id: "4", source: "failure" }),
      row({ id: "5" }),
    ]);
    expect(lines.length).toBe(5);
  });

  it("count every row", () => {
    const many = Array.from({ length: 50 }, (_, index) => row({ id: `${index}`, at: at(59 - index) }));
    expect(linesOf(many).reduce((all, line) => all + line.count, 0)).toBe(50);
  });
});

describe("the window", () => {
  it("has what is in view and a few around", () => {
    expect(windowOf(4000, 800, 40, 1000)).toEqual([92, 128]);
  });

  it("stays inside", () => {
    expect(windowOf(-500, 800, 40, 5)).toEqual([0, 5]);
    expect(windowOf(99_999, 800, 40, 5)).toEqual([5, 5]);
  });
});
