// Keys that act on the whole page.
import { settings } from "./settings.svelte.ts";

/** Whether a key press belongs to a field, a dialog or the browser. */
export function isTaken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  if (!settings.keys && event.key !== "Escape") return true;
  const at = event.target instanceof Element ? event.target : null;
  return at?.closest("input, select, textarea, [contenteditable], dialog[open]") != null;
}

/** `act` gets single keys, and two-key sequences that begin with g as "g o". */
export function listen(act: (keys: string) => boolean): () => void {
  let begun = 0;
  const onKey = (event: KeyboardEvent) => {
    if (isTaken(event)) return;
    const waiting = Date.now() - begun < 1000;
    begun = 0;
    if (event.key === "g" && !waiting) {
      begun = Date.now();
      return;
    }
    if (act(waiting ? `g ${event.key}` : event.key)) event.preventDefault();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
