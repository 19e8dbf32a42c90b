import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import Door from "../../src/access/Door.svelte";
import Tokens from "../../src/access/Tokens.svelte";
import { api } from "../../src/api/client.ts";
import type { SessionState } from "../../src/api/types.ts";
import { access } from "../../src/lib/access.svelte.ts";
import { status } from "../../src/lib/status.svelte.ts";

const asked = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();
const reply = (body: unknown, code = 200) => new Response(JSON.stringify(body), { status: code });
const shut: SessionState = { door: "shut", signed_in: false, declared: false };
const inside: SessionState = { ...shut, signed_in: true, name: "Firefox on Linux" };
const type = (label: string, value: string) => fireEvent.input(screen.getByLabelText(label), { target: { value } });

/** The server answers each address like this. */
function serve(answers: Record<string, () => Response>): void {
  asked.mockImplementation((url, init) => Promise.resolve((answers[`${init.method ?? "GET"} ${url}`] ?? (() => reply({}, 404)))()));
}

beforeEach(() => {
  asked.mockReset();
  vi.stubGlobal("fetch", asked);
  access.enter(inside);
});

describe("the door", () => {
  it("is asked about once when the server wants somebody to sign in, and what was known is forgotten", async () => {
    status.data = { devices: 3 } as typeof status.data;
    serve({
      "GET /api/v1/packs": () => reply({ title: "sign in first" }, 401),
      "GET /api/v1/session": () => reply(shut),
    });
    await Promise.allSettled([api.packs({}), api.packs({}), api.packs({})]);
    await waitFor(() => expect(access.locked).toBe(true));
    expect(status.data).toBeUndefined();
    expect(asked.mock.calls.filter(([url]) => url === "/api/v1/session")).toHaveLength(1);
  });

  it("stays as it is where the server cannot say", async () => {
    serve({ "GET /api/v1/session": () => reply({ title: "broken" }, 500) });
    await access.look();
    expect(access.locked).toBe(false);
  });

  it("says what is wrong with a password, and opens for the right one", async () => {
    access.enter(shut);
    render(Door);
    serve({ "POST /api/v1/session": () => reply({ title: "wrong password", detail: "wrong password, 4 tries left this minute" }, 401) });
    await type("Password", "wrong");
    await fireEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await waitFor(() => expect(document.querySelector(".fault")?.textContent).toBe("Wrong password, 4 tries left this minute"));
    expect(document.activeElement).toBe(screen.getByLabelText("Password"));
    expect(access.locked).toBe(true);
    serve({ "POST /api/v1/session": () => reply(inside) });
    await type("Password", "right");
    await fireEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await waitFor(() => expect(access.locked).toBe(false));
    expect(asked.mock.calls.at(-1)?.[1].body).toBe('{"password":"right"}');
  });

  it("sends no first password that was typed in two ways", async () => {
    access.enter({ ...shut, door: "set_up" });
    render(Door);
    await type("Code", "ABCD-EFGH");
    await type("New password", "correct horse");
    await type("Once more", "correct hors");
    await fireEvent.click(screen.getByRole("button", { name: "Set the password" }));
    await waitFor(() => expect(screen.getByText("These are two different passwords.")).toBeTruthy());
    expect(asked).not.toHaveBeenCalled();
  });

  it("asks again by itself where it is not known who may come in", async () => {
    vi.useFakeTimers();
    access.enter({ ...shut, door: "unknown" });
    render(Door);
    expect(screen.getByText(/cannot read yet/)).toBeTruthy();
    serve({ "GET /api/v1/session": () => reply(shut) });
    await vi.advanceTimersByTimeAsync(3000);
    vi.useRealTimers();
    await waitFor(() => expect(screen.getByLabelText("Password")).toBeTruthy());
  });
});

describe("tokens", () => {
  const token = { id: "a1", name: "Prometheus", scope: "read", made_at: "2026-11-20T09:30:00.000Z" };

  it("are shown once, and revoked at the second click", async () => {
    serve({
      "GET /api/v1/tokens": () => reply({ tokens: [token] }),
      "POST /api/v1/tokens": () => reply({ ...token, token: "squelch_secret" }, 201),
      "DELETE /api/v1/tokens/a1": () => new Response("", { status: 200 }),
    });
    render(Tokens);
    await type("For which program", "Prometheus");
    await fireEvent.click(screen.getByRole("button", { name: "Make a token" }));
    await waitFor(() => expect(screen.getByLabelText("The token for Prometheus")).toHaveProperty("value", "squelch_secret"));
    await fireEvent.click(await screen.findByRole("button", { name: "Revoke: Prometheus" }));
    expect(asked.mock.calls.some(([, init]) => init.method === "DELETE")).toBe(false);
    await fireEvent.click(screen.getByRole("button", { name: "Really revoke: Prometheus" }));
    await waitFor(() => expect(asked.mock.calls.some(([, init]) => init.method === "DELETE")).toBe(true));
    expect(screen.queryByLabelText("The token for Prometheus")).toBeNull();
  });
});
