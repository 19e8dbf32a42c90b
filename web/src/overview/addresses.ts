// The address that people type into their router.

export interface DnsAddress {
  host: string;
  port: number;
  /** As shown: without the port where it is the usual one. */
  text: string;
  /** Reachable from this machine only. */
  local: boolean;
  /** The server listens on every address; this is only how the reader came here. */
  any: boolean;
}

function split(listen: string): { host: string; port: number } | undefined {
  const found = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(listen);
  return found ? { host: found[1] ?? found[2] ?? "", port: Number(found[3]) } : undefined;
}

const isAny = (host: string) => host === "0.0.0.0" || host === "::";
const isLocal = (host: string) => host === "localhost" || host === "::1" || host.startsWith("127.");

/**
 * From what the server listens on. "Everywhere" is no address: there, the one by which the reader
 * came to this page is the best we know.
 */
export function dnsAddresses(listen: readonly string[], page: string): DnsAddress[] {
  const here = page.replace(/^\[|\]$/g, "");
  const found = new Map<string, DnsAddress>();
  for (const each of listen) {
    const at = split(each);
    if (!at) continue;
    const host = isAny(at.host) ? here : at.host;
    const shown = host.includes(":") && at.port !== 53 ? `[${host}]` : host;
    const text = at.port === 53 ? shown : `${shown}:${at.port}`;
    found.set(text, { host, port: at.port, text, local: isLocal(host), any: isAny(at.host) });
  }
  return [...found.values()].sort((one, other) => Number(one.local) - Number(other.local));
}
