// The list that somebody is about to add: it is kept while they look something up elsewhere.
import { api, ApiError } from "../api/client.ts";
import type { ListAction, ListPreview } from "../api/types.ts";
import { type Faults, faultsOf } from "../lib/form.ts";
import { nameOf } from "../lib/lists.ts";

const fields = ["source", "format", "name", "action", "refresh", "groups"];

class Draft {
  source = $state("");
  format = $state("auto");
  action = $state<ListAction>("block");
  refresh = $state("1d");
  name = $state("");
  /** Ids; null is all groups that choose no lists themselves. */
  groups = $state.raw<readonly string[] | null>(null);
  /** What the source holds; gone when another one is typed. */
  preview = $state.raw<ListPreview>();
  faults = $state.raw<Faults>({});
  busy = $state<"look" | "add">();
  #stop = new AbortController();

  /** Another source: what was seen of the last one says nothing. */
  changed(): void {
    this.#stop.abort();
    this.preview = undefined;
    this.faults = {};
    this.busy = undefined;
  }

  async look(): Promise<void> {
    this.changed();
    this.busy = "look";
    const { signal } = (this.#stop = new AbortController());
    const { source, format, action } = this;
    try {
      this.preview = await api.previewList({ source: source.trim(), format, action }, signal);
      this.name = nameOf(source);
    } catch (cause) {
      if (signal.aborted) return;
      this.faults = faultsOf(cause, fields);
    }
    this.busy = undefined;
  }

  /** Adds it; gives the new list, or nothing when it was refused. */
  async add(): Promise<{ id: string; name: string } | undefined> {
    this.busy = "add";
    const { source, format, action, refresh, name, groups } = this;
    try {
      const made = await api.addList({ name: name.trim(), source: source.trim(), action, format, refresh, ...(groups && { groups: [...groups] }) });
      this.clear();
      return made;
    } catch (cause) {
      if (!(cause instanceof ApiError)) throw cause;
      this.faults = faultsOf(cause, fields);
      return undefined;
    } finally {
      this.busy = undefined;
    }
  }

  clear(): void {
    this.changed();
    this.source = this.name = "";
    this.format = "auto";
    this.action = "block";
    this.refresh = "1d";
    this.groups = null;
  }
}

export const draft = new Draft();
