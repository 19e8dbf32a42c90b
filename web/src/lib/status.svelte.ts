// The server's state, read by the shell and shown on every page.
import type { Status } from "../api/types.ts";

class Shared {
  data = $state.raw<Status>();
}

export const status = new Shared();
