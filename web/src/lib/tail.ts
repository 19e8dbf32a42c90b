// The log's rows: older pages come at the end, live ones at the front, or are held and counted.
import type { Row } from "../api/types.ts";
import { isFailed } from "./outcome.ts";

/** Rows kept at most; beyond it the oldest go. */
export const mostRows = 20_000;
const mostHeld = 2_000;

/** Rows of one device and name that came within this time are one line. */
const foldMs = 10_000;

export interface Line {
  /** The id of its oldest row: newer ones that join do not change it. */
  id: string;
  row: Row;
  at: number;
  count: number;
  types: string[];
  /** All rows of the line, newest first. */
  rows: Row[];
}

export class Tail {
  rows: Row[] = [];
  held: Row[] = [];
  /** Rows that came while held, also those that `held` had no room for. */
  waiting = 0;
  /** Whether the oldest rows were dropped: who reads on has to start at the oldest that is left. */
  cut = false;
  #known = new Set<string>();

  get oldest(): Row | undefined {
    return this.rows.at(-1);
  }

  /** Rows of the past, newest first, behind those that are here. */
  append(rows: readonly Row[]): void {
    for (const row of rows) if (this.#isNew(row)) this.rows.push(row);
  }

  /** Live rows, newest first; `hold` keeps them out of sight. */
  arrive(rows: readonly Row[], hold: boolean): void {
    const fresh = rows.filter((row) => this.#isNew(row));
    this.waiting += fresh.length;
    this.held.unshift(...fresh);
    this.#forget(this.held.splice(mostHeld));
    if (!hold) this.release();
  }

  /** Shows what was held; false when some of it is lost and the log has to be read anew. */
  release(): boolean {
    if (this.waiting > this.held.length) return false;
    this.rows.unshift(...this.held);
    this.held = [];
    this.waiting = 0;
    const dropped = this.rows.splice(mostRows);
    this.#forget(dropped);
    this.cut ||= dropped.length > 0;
    return true;
  }

  #forget(rows: readonly Row[]): void {
    for (const row of rows) this.#known.delete(row.id);
  }

  #isNew(row: Row): boolean {
    if (this.#known.has(row.id)) return false;
    this.#known.add(row.id);
    return true;
  }
}

/** Folds repeats: one line for what one device asked about one name within ten seconds. */
export function linesOf(rows: readonly Row[]): Line[] {
  const lines: Line[] = [];
  const open = new Map<string, Line>();
  for (const row of rows) {
    const key = `${row.device.id} ${row.name} ${row.verdict} ${isFailed(row)}`;
    const at = Date.parse(row.at);
    const line = open.get(key);
    if (line && Math.abs(line.at - at) <= foldMs) {
      line.count += 1;
      line.rows.push(row);
      if (!line.types.includes(row.type)) line.types.push(row.type);
      line.id = row.id;
    } else {
      const made = { id: row.id, row, at, count: 1, types: [row.type], rows: [row] };
      lines.push(made);
      open.set(key, made);
    }
  }
  return lines;
}

/** Which of `count` rows of one height are in view, with a few around; by index, end excluded. */
export function windowOf(scrolled: number, view: number, height: number, count: number): [number, number] {
  const around = 8;
  const first = Math.floor(Math.max(0, scrolled) / height) - around;
  const last = Math.ceil((Math.max(0, scrolled) + view) / height) + around;
  return [Math.min(count, Math.max(0, first)), Math.min(count, Math.max(0, last))];
}
