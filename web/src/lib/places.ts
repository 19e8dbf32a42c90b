// The pages that one can go to from anywhere: by the menu, or by keys.
import type { IconName } from "../ui/Icon.svelte";
import type { PageName } from "./router.ts";

export interface Place {
  page: IconName & PageName;
  path: string;
  /** What is pressed, one key after the other. */
  keys: string;
  /** The page of one of its things. */
  one?: PageName;
  /** Whether it shows a span of time, which stays chosen on the way. */
  spans?: boolean;
  /** On a phone it waits behind "More". */
  rare?: boolean;
}

export const places: readonly Place[] = [
  { page: "overview", path: "/", keys: "g o", spans: true },
  { page: "devices", path: "/devices", keys: "g d", one: "device", spans: true },
  { page: "packs", path: "/packs", keys: "g p", one: "pack", spans: true },
  { page: "log", path: "/log", keys: "g l" },
  { page: "lists", path: "/lists", keys: "g i", one: "list", rare: true },
  { page: "groups", path: "/groups", keys: "g g", rare: true },
  { page: "rules", path: "/rules", keys: "g r", rare: true },
  { page: "records", path: "/records", keys: "g n", rare: true },
  { page: "upstreams", path: "/upstreams", keys: "g u", rare: true },
  { page: "changes", path: "/changes", keys: "g c", rare: true },
  { page: "settings", path: "/settings", keys: "g s", rare: true },
  { page: "lookup", path: "/lookup", keys: "/", rare: true },
];
