// Which page an address means. The only place that knows the pages' paths.

export type PageName =
  | "overview"
  | "devices"
  | "device"
  | "packs"
  | "pack"
  | "log"
  | "lists"
  | "list"
  | "rules"
  | "records"
  | "upstreams"
  | "groups"
  | "changes"
  | "settings"
  | "lookup"
  | "missing";

export interface Route {
  page: PageName;
  /** The last part of the path, for the pages of one thing. */
  id: string;
}

const pages: Record<string, { all: PageName; one?: PageName }> = {
  "": { all: "overview" },
  devices: { all: "devices", one: "device" },
  packs: { all: "packs", one: "pack" },
  log: { all: "log" },
  lists: { all: "lists", one: "list" },
  rules: { all: "rules" },
  records: { all: "records" },
  upstreams: { all: "upstreams" },
  groups: { all: "groups" },
  changes: { all: "changes" },
  settings: { all: "settings" },
  lookup: { all: "lookup" },
};

/** Reads a path; a final slash makes no difference. */
export function routeOf(path: string): Route {
  const [first = "", second, ...more] = path.replace(/^\/+|\/+$/g, "").split("/");
  const found = Object.hasOwn(pages, first) ? pages[first] : undefined;
  if (!found || more.length > 0) return { page: "missing", id: "" };
  if (second === undefined) return { page: found.all, id: "" };
  const id = decoded(second);
  return found.one && id ? { page: found.one, id } : { page: "missing", id: "" };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

/** The address of a page; parameters without a value are left out. */
export function href(path: string, query: Record<string, string | undefined> = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) params.set(key, value);
  // Commas and colons are lists and times here: leave them readable.
  const tail = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return tail ? `${path}?${tail}` : path;
}

export const deviceHref = (id: string, query = {}) => href(`/devices/${encodeURIComponent(id)}`, query);
export const listHref = (id: string) => href(`/lists/${encodeURIComponent(id)}`);
export const packHref = (id: string, query = {}) => href(`/packs/${encodeURIComponent(id)}`, query);

/** Whether a click on a link is for us, and not for a new tab, a download or another site. */
export function isOurs(event: MouseEvent, link: HTMLAnchorElement): boolean {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!plain || event.defaultPrevented) return false;
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return false;
  return routeOf(link.pathname).page !== "missing";
}
