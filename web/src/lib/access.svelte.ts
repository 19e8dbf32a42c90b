// Whether one has to sign in: then the shell shows the door and nothing else.
import { ApiError, api, whenShut } from "../api/client.ts";
import type { SessionState } from "../api/types.ts";
import { net } from "./net.svelte.ts";
import { forgetAll } from "./resource.svelte.ts";
import { status } from "./status.svelte.ts";

class Access {
  /** As the server told it last. */
  state = $state.raw<SessionState>();
  /** Whether the server tells nothing before somebody signs in. */
  locked = $state(false);

  #looking: Promise<void> | undefined;

  /** Asks the server how things stand; once, however many parts of the page want to know. */
  look(): Promise<void> {
    this.#looking ??= this.#ask().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #ask(): Promise<void> {
    try {
      this.#take(await api.session());
    } catch (cause) {
      // Nothing is known then; what the page asks for says what is wrong.
      if (!(cause instanceof ApiError)) throw cause;
    }
  }

  /** Somebody has signed in, or set a password. */
  enter(state: SessionState): void {
    this.#take(state);
    net.changed();
  }

  async leave(): Promise<void> {
    await api.signOut();
    await this.look();
  }

  #take(state: SessionState): void {
    this.state = state;
    this.locked = !state.signed_in && state.door !== "open";
    if (!this.locked) return;
    // The next who signs in here may be somebody else.
    forgetAll();
    status.data = undefined;
  }
}

export const access = new Access();
whenShut(() => void access.look());
