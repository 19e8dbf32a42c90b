// Reading from the server. Every failure comes out as an ApiError that says what happened.
import type {
  Device,
  DeviceDetail,
  Explanation,
  Exposure,
  Pack,
  PackDetail,
  Page,
  Problem,
  Status,
  Summary,
} from "./types.ts";

export type Query = Record<string, string | number | undefined>;

/** `offline` is the only kind that waiting may mend. */
export class ApiError extends Error {
  constructor(
    readonly kind: "offline" | "problem" | "unreadable",
    readonly problem: Problem,
    readonly path: string,
  ) {
    super(problem.detail ?? problem.title);
  }
}

export const base = "/api/v1";

export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") params.append(key, String(value));
  }
  const tail = params.toString();
  return `${base}/${path}${tail ? `?${tail}` : ""}`;
}

async function problemOf(response: Response): Promise<Problem> {
  const plain = { title: `${response.status} ${response.statusText}`.trim(), status: response.status };
  try {
    const body = (await response.json()) as Partial<Problem>;
    return { ...plain, ...body };
  } catch {
    return plain;
  }
}

async function get<T>(path: string, query: Query, signal?: AbortSignal): Promise<T> {
  const url = address(path, query);
  let response: Response;
  try {
    response = await fetch(url, { headers: { accept: "application/json" }, signal });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("offline", { title: "no connection" }, url);
  }
  if (!response.ok) throw new ApiError("problem", await problemOf(response), url);
  try {
    return (await response.json()) as T;
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("unreadable", { title: String(cause) }, url);
  }
}

const part = encodeURIComponent;

export const api = {
  status: (signal?: AbortSignal) => get<Status>("status", {}, signal),
  summary: (query: Query, signal?: AbortSignal) => get<Summary>("summary", query, signal),
  exposure: (query: Query, signal?: AbortSignal) => get<Exposure>("exposure", query, signal),
  queries: (query: Query, signal?: AbortSignal) => get<Page>("queries", query, signal),
  devices: (query: Query, signal?: AbortSignal) => get<{ items: Device[] }>("devices", query, signal),
  device: (id: string, query: Query, signal?: AbortSignal) =>
    get<DeviceDetail>(`devices/${part(id)}`, query, signal),
  packs: (query: Query, signal?: AbortSignal) =>
    get<{ version: string; items: Pack[] }>("packs", query, signal),
  pack: (id: string, query: Query, signal?: AbortSignal) =>
    get<PackDetail>(`packs/${part(id)}`, query, signal),
  explain: (query: Query, signal?: AbortSignal) => get<Explanation>("explain", query, signal),
};
