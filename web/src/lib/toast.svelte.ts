// What was just done, with the way back, for the toast that every page can show.
import { ApiError } from "../api/client.ts";
import { net } from "./net.svelte.ts";
import { t } from "./words.ts";

export interface Said {
  text: string;
  /** A page that shows more of it. */
  more?: { text: string; href: string };
  undo?: () => Promise<unknown>;
  failed?: boolean;
}

class Toast {
  now = $state.raw<Said>();
  /** Whether somebody is on it: then it stays. */
  held = $state(false);

  say(said: Said): void {
    this.now = said;
  }

  clear(): void {
    this.now = undefined;
    this.held = false;
  }

  async undo(): Promise<void> {
    const undo = this.now?.undo;
    if (!undo) return;
    this.clear();
    await change(undo, () => ({ text: t("toast.undone") }));
  }
}

export const toast = new Toast();

/** What went wrong, in one line. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof ApiError)) throw cause;
  if (cause.kind === "offline") return t("state.offline");
  const { title, detail } = cause.problem;
  return detail ?? title;
}

/** Changes something on the server, says so, and has the page read anew; false when it failed. */
export async function change<T>(does: () => Promise<T>, said: (made: T) => Said): Promise<boolean> {
  try {
    const made = await does();
    toast.say(said(made));
  } catch (cause) {
    toast.say({ text: t("toast.failed", { reason: reasonOf(cause) }), failed: true });
    return false;
  } finally {
    net.changed();
  }
  return true;
}
