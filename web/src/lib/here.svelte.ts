// Where the reader is: the address as state, and going elsewhere.
import { tick } from "svelte";
import { isOurs, routeOf } from "./router.ts";

function read() {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

class Here {
  #at = $state.raw(read());
  /** Counts the pages opened by link, so that the shell can move the focus. */
  moves = $state(0);
  readonly route = $derived(routeOf(this.#at.path));

  get path(): string {
    return this.#at.path;
  }

  get query(): URLSearchParams {
    return this.#at.query;
  }

  refresh(): void {
    this.#at = read();
  }
}

export const here = new Here();

/** Opens an address of ours. `stay` keeps the place on the page, and the focus. */
export function go(to: string, how: { replace?: boolean; stay?: boolean } = {}): void {
  const before = location.pathname;
  if (how.replace) {
    history.replaceState(history.state, "", to);
  } else {
    history.replaceState({ y: scrollY }, "");
    history.pushState({}, "", to);
  }
  here.refresh();
  if (how.stay) return;
  void tick().then(() => scrollTo(0, 0));
  if (location.pathname !== before) here.moves += 1;
}

/** Starts following links and the Back button; returns how to stop. */
export function follow(): () => void {
  history.scrollRestoration = "manual";
  const onPop = (event: PopStateEvent) => {
    const before = here.path;
    here.refresh();
    // On the same page the reader has already found a place.
    if (here.path === before) return;
    const y = Number((event.state as { y?: number } | null)?.y ?? 0);
    void tick().then(() => scrollTo(0, y));
  };
  const onClick = (event: MouseEvent) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || !isOurs(event, link)) return;
    event.preventDefault();
    go(link.pathname + link.search, { stay: link.dataset["stay"] !== undefined });
  };
  addEventListener("popstate", onPop);
  document.addEventListener("click", onClick);
  return () => {
    removeEventListener("popstate", onPop);
    document.removeEventListener("click", onClick);
  };
}
