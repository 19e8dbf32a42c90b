// Where the reader is: the address as state, and going elsewhere.
import { tick } from "svelte";
import { type Route, isOurs, routeOf } from "./router.ts";

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

  /** Called when the address has changed and its page can be shown. */
  arrive(): void {
    this.#at = read();
  }
}

export const here = new Here();

/** What is at hand at once, and what first has to be loaded: then this gives when it is. */
type Prepare = (route: Route) => Promise<void> | undefined;
let prepare: Prepare = () => undefined;

/** The old page stays, with the old address as its state, until the new one can be shown. */
function change(then: () => void): void {
  const waiting = prepare(routeOf(location.pathname));
  const show = () => {
    here.arrive();
    then();
  };
  if (!waiting) return show();
  void waiting.then(() => {
    // Who has gone on meanwhile waits for that page.
    if (prepare(routeOf(location.pathname)) === undefined) show();
  });
}

/** Opens an address of ours. `stay` keeps the place on the page, and the focus. */
export function go(to: string, how: { replace?: boolean; stay?: boolean } = {}): void {
  const before = location.pathname;
  if (how.replace) {
    history.replaceState(history.state, "", to);
  } else {
    history.replaceState({ y: scrollY }, "");
    history.pushState({}, "", to);
  }
  const moved = location.pathname !== before;
  change(() => {
    if (how.stay) return;
    void tick().then(() => scrollTo(0, 0));
    if (moved) here.moves += 1;
  });
}

/** Starts following links and the Back button; returns how to stop. */
export function follow(ready: Prepare): () => void {
  prepare = ready;
  history.scrollRestoration = "manual";
  const onPop = (event: PopStateEvent) => {
    const before = here.path;
    const y = Number((event.state as { y?: number } | null)?.y ?? 0);
    change(() => {
      // On the same page the reader has already found a place.
      if (here.path !== before) void tick().then(() => scrollTo(0, y));
    });
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
