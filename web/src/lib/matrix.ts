// Who tried to talk to whom: from the API's rows to what the matrix draws.
import type { Action, Cell, Exposure, ExposureRow } from "../api/types.ts";

export type Order = "attempts" | "passed" | "name";
export const orders: readonly Order[] = ["attempts", "passed", "name"];

export interface Column {
  id: string;
  name: string;
  action: Action;
  attempts: number;
}

/** What a cell looks like: all stopped, all let through, or some of each. */
export type Look = "empty" | "stopped" | "passed" | "mixed";

export interface Square {
  column: Column;
  cell: Cell | undefined;
  attempts: number;
  look: Look;
  /** 0 to 1 on a logarithmic scale: 40 against 4,000 must both be seen. */
  tint: number;
  /** The stopped part, 0 to 1. */
  stopped: number;
}

export interface Line {
  device: ExposureRow["device"];
  attempts: number;
  watch: number;
  block: number;
  squares: Square[];
  /** Attempts at packs that have no column. */
  other: number;
}

export interface Matrix {
  columns: Column[];
  /** Packs with attempts that found no room. */
  folded: Column[];
  lines: Line[];
  /** Devices that asked only ordinary names. */
  quiet: ExposureRow["device"][];
}

export function attemptsOf(counts: { watch: number; block: number }): number {
  return counts.watch + counts.block;
}

export function lookOf(counts: { watch: number; block: number } | undefined): Look {
  if (!counts || attemptsOf(counts) === 0) return "empty";
  if (counts.watch === 0) return "stopped";
  return counts.block === 0 ? "passed" : "mixed";
}

export function tintOf(attempts: number, most: number): number {
  if (attempts <= 0 || most <= 0) return 0;
  return Math.min(1, Math.log1p(attempts) / Math.log1p(most));
}

/** At most `room` columns, those with the most attempts; when one is missing, its place says so. */
export function matrixOf(exposure: Exposure, order: Order, room: number): Matrix {
  const all = columnsOf(exposure);
  const fits = all.length <= room ? all.length : Math.max(1, room - 1);
  const columns = all.slice(0, fits);
  const active = exposure.rows.filter((row) => attemptsOf(row) > 0);
  const most = Math.max(0, ...active.flatMap((row) => Object.values(row.cells).map(attemptsOf)));
  return {
    columns,
    folded: all.slice(fits),
    lines: ordered(active, order).map((row) => lineOf(row, columns, most)),
    quiet: exposure.rows.filter((row) => attemptsOf(row) === 0).map((row) => row.device),
  };
}

function columnsOf(exposure: Exposure): Column[] {
  const attempts = new Map<string, number>();
  for (const row of exposure.rows) {
    for (const [pack, cell] of Object.entries(row.cells)) {
      attempts.set(pack, (attempts.get(pack) ?? 0) + attemptsOf(cell));
    }
  }
  return exposure.packs
    .map((pack) => ({ ...pack, attempts: attempts.get(pack.id) ?? 0 }))
    .filter((column) => column.attempts > 0)
    .sort((one, other) => other.attempts - one.attempts || one.name.localeCompare(other.name));
}

function ordered(rows: readonly ExposureRow[], order: Order): ExposureRow[] {
  const by: Record<Order, (one: ExposureRow, other: ExposureRow) => number> = {
    attempts: (one, other) => attemptsOf(other) - attemptsOf(one),
    passed: (one, other) => other.watch - one.watch,
    name: () => 0,
  };
  const named = (one: ExposureRow, other: ExposureRow) =>
    one.device.name.localeCompare(other.device.name, undefined, { numeric: true });
  return [...rows].sort((one, other) => by[order](one, other) || named(one, other));
}

function lineOf(row: ExposureRow, columns: readonly Column[], most: number): Line {
  const squares = columns.map((column) => squareOf(column, row.cells[column.id], most));
  const attempts = attemptsOf(row);
  const shown = squares.reduce((sum, square) => sum + square.attempts, 0);
  return {
    device: row.device,
    attempts,
    watch: row.watch,
    block: row.block,
    squares,
    other: Math.max(0, attempts - shown),
  };
}

function squareOf(column: Column, cell: Cell | undefined, most: number): Square {
  const attempts = cell ? attemptsOf(cell) : 0;
  return {
    column,
    cell,
    attempts,
    look: lookOf(cell),
    tint: tintOf(attempts, most),
    stopped: attempts > 0 ? (cell?.block ?? 0) / attempts : 0,
  };
}
