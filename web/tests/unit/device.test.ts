import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { DeviceDetail } from "../../src/api/types.ts";
import Journal from "../../src/access/Journal.svelte";
import Forget from "../../src/device/Forget.svelte";
import Settings from "../../src/device/Settings.svelte";
import { toast } from "../../src/lib/toast.svelte.ts";

const asked = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();

/** What was changed: method, address and body. */
const changes = () =>
  asked.mock.calls
    .filter(([, { method }]) => method !== "GET")
    .map(([url, { method, body }]) => [method, url, JSON.parse(body as string)]);

beforeEach(() => {
  toast.clear();
  asked.mockReset();
  asked.mockImplementation((url) => Promise.resolve(new Response(url.includes("groups") ? '{"groups":[]}' : '{"items":[]}')));
  vi.stubGlobal("fetch", asked);
});

describe("what is set of a device", () => {
  const device = (signs: string[], over: object = {}) =>
    ({ id: "d1", name: "redmi-note-11", group: { id: "default", name: "default" }, declared: false, signs, ...over }) as unknown as DeviceDetail;

  it.each([
    ["keeps no name that was not set", [], { name: null }],
    ["is only what was changed", ["02:00:00:00:00:09"], { comment: null }],
  ])("%s when it is taken back", async (_, signs, back) => {
    render(Settings, { device: device(signs) });
    await fireEvent.input(screen.getByLabelText("Note"), { target: { value: "whose is this?" } });
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(toast.now?.undo).toBeDefined());
    await toast.undo();
    expect(changes()).toEqual([
      ["PATCH", "/api/v1/devices/d1", { comment: "whose is this?" }],
      ["PATCH", "/api/v1/devices/d1", back],
    ]);
    expect(screen.getByLabelText("Note")).toHaveProperty("value", "");
  });

  it("may be names that it says, one or several", async () => {
    render(Settings, { device: device(["02:00:00:00:00:09"], { says: ["pocket"] }) });
    const field = screen.getByLabelText("Names over encrypted DNS");
    expect(field).toHaveProperty("value", "pocket");
    await fireEvent.input(field, { target: { value: " pocket,kids-phone " } });
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(changes()).toHaveLength(1));
    expect(changes()).toEqual([["PATCH", "/api/v1/devices/d1", { says: ["pocket", "kids-phone"] }]]);
  });
});

describe("forgetting a device", () => {
  it("is asked twice, says what goes, and leads to the devices", async () => {
    asked.mockImplementation(() => Promise.resolve(new Response(null, { status: 204 })));
    render(Forget, { device: { id: "d1", name: "redmi-note-11", declared: false } });
    const button = () => screen.getByRole("button", { name: "Forget this device" });
    await fireEvent.click(button());
    expect(asked).not.toHaveBeenCalled();
    expect(document.body.textContent).toContain("comes back as a new device");
    expect(document.body.textContent).toContain("cannot be taken back");
    await fireEvent.click(button());
    await waitFor(() => expect(location.pathname).toBe("/devices"));
    expect(asked.mock.calls.map(([url, { method }]) => [method, url])).toEqual([["DELETE", "/api/v1/devices/d1"]]);
    expect(toast.now).toMatchObject({ text: "redmi-note-11 is forgotten. Its history is being deleted." });
    expect(toast.now?.undo).toBeUndefined();
  });

  it("is not offered for one of the config file", () => {
    render(Forget, { device: { id: "d1", name: "TV", declared: true } });
    expect(screen.queryByRole("button")).toBeNull();
  });
});

describe("emptying the journal", () => {
  it("is asked twice, and tells how far it is", async () => {
    let deleting = false;
    asked.mockImplementation((_, { method }) => {
      if (method === "DELETE") deleting = true;
      return Promise.resolve(new Response(JSON.stringify({ deleting, done: 1, total: 4 })));
    });
    render(Journal);
    const button = () => screen.getByRole("button", { name: "Empty the journal" });
    await fireEvent.click(button());
    expect(deleting).toBe(false);
    expect(document.body.textContent).toContain("cannot be taken back");
    await fireEvent.click(button());
    await waitFor(() => expect(screen.getByRole("progressbar")).toHaveProperty("value", 1));
    const calls = asked.mock.calls.filter(([, { method }]) => method === "DELETE");
    expect(calls.map(([url]) => url)).toEqual(["/api/v1/journal"]);
  });
});
