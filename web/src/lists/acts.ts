// What a person can do with a list; each is said in a toast, with the way back where there is one.
import { api } from "../api/client.ts";
import type { ListInfo } from "../api/types.ts";
import { type Choice, changeTo } from "../lib/lists.ts";
import { net } from "../lib/net.svelte.ts";
import { change } from "../lib/toast.svelte.ts";
import { t } from "../lib/words.ts";

/** The server takes a list up a moment after it has answered. */
async function changed(done: Promise<boolean>): Promise<boolean> {
  setTimeout(() => net.changed(), 800);
  return done;
}

export function choose(list: ListInfo, choice: Choice): Promise<boolean> {
  const { id, name, action, enabled } = list;
  return change(
    () => api.changeList(id, changeTo(choice)),
    () => ({
      text: t(`list.did.${choice}`, { list: name }),
      undo: () => api.changeList(id, { action, enabled }),
    }),
  );
}

export function refresh({ id, name }: ListInfo): Promise<boolean> {
  return changed(
    change(
      () => api.refreshList(id),
      () => ({ text: t("list.did.refresh", { list: name }) }),
    ),
  );
}

export function refreshAll(): Promise<boolean> {
  return changed(
    change(
      () => api.refreshLists(),
      () => ({ text: t("lists.did.refresh") }),
    ),
  );
}

/** Puts a copy that was held back in force. */
export function confirm({ id, name }: ListInfo): Promise<boolean> {
  return changed(
    change(
      () => api.confirmList(id),
      () => ({ text: t("list.did.confirm", { list: name }) }),
    ),
  );
}

/** Forgets a copy that was held back; the one before stays. */
export function discard({ id, name }: ListInfo): Promise<boolean> {
  return changed(
    change(
      () => api.discardList(id),
      () => ({ text: t("list.did.discard", { list: name }) }),
    ),
  );
}

export function remove(list: ListInfo): Promise<boolean> {
  const { id, name, source, action, format, refresh, enabled, groups } = list;
  const again = async () => {
    const made = await api.addList({ name, source, action, format, refresh, groups });
    if (!enabled) await api.changeList(made.id, { enabled });
  };
  return change(
    () => api.removeList(id),
    () => ({ text: t("list.did.remove", { list: name }), undo: again }),
  );
}
