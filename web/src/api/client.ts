// Asking the server, and changing what it holds. Every failure comes out as an ApiError that says
// what happened.
import type {
  Change,
  Device,
  DeviceChange,
  DeviceDetail,
  Explanation,
  Exposure,
  Group,
  GroupChange,
  History,
  ListChange,
  ListEntry,
  ListInfo,
  ListPreview,
  Lists,
  NewToken,
  OwnRecord,
  Pack,
  PackDetail,
  Page,
  PauseChange,
  Problem,
  RecordChange,
  RefusedLine,
  Rule,
  RuleChange,
  SessionItem,
  SessionState,
  Status,
  Summary,
  TokenItem,
  TokenWish,
  Upstream,
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

let onShut = () => {};

/** `then` is called when the server wants somebody to sign in. */
export function whenShut(then: () => void): void {
  onShut = then;
}

async function ask<T>(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("offline", { title: "no connection" }, url);
  }
  if (!response.ok) {
    // There, it says that the password is wrong.
    if (response.status === 401 && url !== address("session")) onShut();
    throw new ApiError("problem", await problemOf(response), url);
  }
  try {
    const text = await response.text();
    return (text === "" ? undefined : JSON.parse(text)) as T;
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("unreadable", { title: String(cause) }, url);
  }
}

const get = <T>(path: string, query: Query, signal?: AbortSignal) =>
  ask<T>("GET", address(path, query), undefined, signal);

const part = encodeURIComponent;

export const api = {
  status: (signal?: AbortSignal) => get<Status>("status", {}, signal),
  summary: (query: Query, signal?: AbortSignal) => get<Summary>("summary", query, signal),
  exposure: (query: Query, signal?: AbortSignal) => get<Exposure>("exposure", query, signal),
  queries: (query: Query, signal?: AbortSignal) => get<Page>("queries", query, signal),
  /** The address of a file of all queries that pass. */
  exportHref: (query: Query, format: "csv" | "jsonl") => address("queries/export", { ...query, format }),
  devices: (query: Query, signal?: AbortSignal) => get<{ items: Device[] }>("devices", query, signal),
  device: (id: string, query: Query, signal?: AbortSignal) =>
    get<DeviceDetail>(`devices/${part(id)}`, query, signal),
  packs: (query: Query, signal?: AbortSignal) =>
    get<{ version: string; items: Pack[] }>("packs", query, signal),
  pack: (id: string, query: Query, signal?: AbortSignal) =>
    get<PackDetail>(`packs/${part(id)}`, query, signal),
  explain: (query: Query, signal?: AbortSignal) => get<Explanation>("explain", query, signal),

  lists: (signal?: AbortSignal) => get<Lists>("lists", {}, signal),
  refused: (id: string, query: Query, signal?: AbortSignal) =>
    get<{ refused: RefusedLine[]; next?: string | null }>(`lists/${part(id)}/refused`, query, signal),
  entries: (id: string, query: Query, signal?: AbortSignal) =>
    get<{ entries: ListEntry[]; next?: string | null }>(`lists/${part(id)}/entries`, query, signal),
  previewList: (wish: ListChange, signal?: AbortSignal) =>
    ask<ListPreview>("POST", address("lists/preview"), wish, signal),
  addList: (wish: ListChange) => ask<ListInfo>("POST", address("lists"), wish),
  changeList: (id: string, change: ListChange) => ask<ListInfo>("PATCH", address(`lists/${part(id)}`), change),
  removeList: (id: string) => ask<void>("DELETE", address(`lists/${part(id)}`)),
  refreshList: (id: string) => ask<void>("POST", address(`lists/${part(id)}/refresh`)),
  refreshLists: () => ask<void>("POST", address("lists/refresh")),
  confirmList: (id: string) => ask<void>("POST", address(`lists/${part(id)}/confirm`)),
  discardList: (id: string) => ask<void>("POST", address(`lists/${part(id)}/discard`)),

  rules: (signal?: AbortSignal) => get<{ rules: Rule[] }>("rules", {}, signal),
  addRule: (wish: RuleChange) => ask<Rule>("POST", address("rules"), wish),
  changeRule: (id: string, change: RuleChange) => ask<Rule>("PATCH", address(`rules/${part(id)}`), change),
  removeRule: (id: string) => ask<void>("DELETE", address(`rules/${part(id)}`)),

  upstreams: (signal?: AbortSignal) => get<{ upstreams: Upstream[] }>("upstreams", {}, signal),
  pause: (wish: PauseChange) => ask<void>("PUT", address("pause"), wish),
  /** Without a device and a group, those that are paused by themselves stay so. */
  resume: (who: { device?: string; group?: string }) =>
    ask<void>("DELETE", address("pause", who.device || who.group ? who : { only: "all" })),

  groups: (signal?: AbortSignal) => get<{ groups: Group[] }>("groups", {}, signal),
  addGroup: (wish: GroupChange) => ask<Group>("POST", address("groups"), wish),
  changeGroup: (id: string, change: GroupChange) => ask<Group>("PATCH", address(`groups/${part(id)}`), change),
  removeGroup: (id: string) => ask<void>("DELETE", address(`groups/${part(id)}`)),

  changeDevice: (id: string, change: DeviceChange) => ask<Device>("PATCH", address(`devices/${part(id)}`), change),
  mergeDevices: (wish: { into: string; from: string }) => ask<Device>("POST", address("devices/merge"), wish),
  splitDevice: (id: string, sign: string) => ask<Device>("POST", address(`devices/${part(id)}/split`), { sign }),

  forgetDevice: (id: string) => ask<void>("DELETE", address(`devices/${part(id)}`)),

  history: (id: string, signal?: AbortSignal) => get<History>(`devices/${part(id)}/history`, {}, signal),
  deleteHistory: (id: string) => ask<History>("DELETE", address(`devices/${part(id)}/history`)),

  emptying: (signal?: AbortSignal) => get<History>("journal", {}, signal),
  emptyJournal: () => ask<History>("DELETE", address("journal")),

  changes: (query: Query, signal?: AbortSignal) => get<{ items: Change[]; next?: string | null }>("changes", query, signal),
  undoChange: (id: string) => ask<Change>("POST", address(`changes/${part(id)}/undo`)),

  session: () => get<SessionState>("session", {}),
  signIn: (password: string) => ask<SessionState>("POST", address("session"), { password }),
  signOut: () => ask<void>("DELETE", address("session")),
  setUp: (code: string, password: string) => ask<SessionState>("POST", address("setup"), { code, password }),
  changePassword: (wish: { current?: string; password: string }) => ask<SessionState>("PUT", address("password"), wish),
  sessions: (signal?: AbortSignal) => get<{ sessions: SessionItem[] }>("sessions", {}, signal),
  endSession: (id: string) => ask<void>("DELETE", address(`sessions/${part(id)}`)),
  endSessions: () => ask<void>("DELETE", address("sessions")),
  tokens: (signal?: AbortSignal) => get<{ tokens: TokenItem[] }>("tokens", {}, signal),
  makeToken: (wish: TokenWish) => ask<NewToken>("POST", address("tokens"), wish),
  revokeToken: (id: string) => ask<void>("DELETE", address(`tokens/${part(id)}`)),

  records: (signal?: AbortSignal) => get<{ records: OwnRecord[] }>("records", {}, signal),
  addRecord: (wish: RecordChange) => ask<OwnRecord>("POST", address("records"), wish),
  changeRecord: (id: string, change: RecordChange) => ask<OwnRecord>("PATCH", address(`records/${part(id)}`), change),
  removeRecord: (id: string) => ask<void>("DELETE", address(`records/${part(id)}`)),
};
