import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { soon, wishOf } from "../../src/lib/pause.ts";
import { toInput } from "../../src/lib/range.ts";
import { status } from "../../src/lib/status.svelte.ts";
import { toast } from "../../src/lib/toast.svelte.ts";
import Control from "../../src/pause/Control.svelte";
import Bars from "../../src/shell/Bars.svelte";

const asked = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();
const until = "2026-11-20T10:00:00Z";

/** What was changed: method, address and body, without what was only read. */
const changes = () =>
  asked.mock.calls
    .filter(([, { method }]) => method !== "GET")
    .map(([url, { method, body }]) => [method, url, ...(body ? [JSON.parse(body as string)] : [])]);

const paused = (pauses: object[]) => (status.data = { blocking: { on: true, pauses }, problems: [] } as unknown as typeof status.data);

beforeEach(() => {
  toast.clear();
  asked.mockReset();
  asked.mockImplementation(() => Promise.resolve(new Response("{}")));
  vi.stubGlobal("fetch", asked);
  paused([]);
});

describe("a pause", () => {
  it("is for a while, or until a moment", () => {
    expect(wishOf("3h", "")).toEqual({ for: "3h" });
    expect(wishOf("until", toInput(Date.parse(until)))).toEqual({ until: "2026-11-20T10:00:00.000Z" });
    expect(soon(Date.parse("2026-11-20T09:29:00Z"))).toBe(toInput(Date.parse(until)));
    expect(soon(Date.parse("2026-11-20T09:31:00Z"))).toBe(toInput(Date.parse("2026-11-20T11:00:00Z")));
  });

  it("until a moment is sent so", async () => {
    render(Control, { who: { group: "kids" }, label: "Pause for kids" });
    await fireEvent.change(screen.getByLabelText("For how long"), { target: { value: "until" } });
    const moment = toInput(Date.now() + 5 * 3_600_000);
    await fireEvent.input(screen.getByLabelText("Until when"), { target: { value: moment } });
    await fireEvent.click(screen.getByRole("button", { name: "Pause" }));
    await waitFor(() => expect(changes()).toHaveLength(1));
    expect(changes()).toEqual([["PUT", "/api/v1/pause", { group: "kids", until: new Date(moment).toISOString() }]]);
  });

  it("for all leaves those of devices and groups as they are when it ends", async () => {
    render(Control, { who: {}, label: "Pause for all" });
    await fireEvent.click(screen.getByRole("button", { name: "Pause" }));
    await waitFor(() => expect(toast.now?.undo).toBeDefined());
    await toast.undo();
    expect(changes()).toEqual([
      ["PUT", "/api/v1/pause", { for: "1h" }],
      ["DELETE", "/api/v1/pause?only=all"],
    ]);
  });

  it("ends in the bar alone, too", async () => {
    paused([{ until }, { until, device: { id: "d1", name: "TV" } }]);
    render(Bars);
    for (const button of screen.getAllByRole("button", { name: "Resume" })) await fireEvent.click(button);
    await waitFor(() => expect(changes()).toHaveLength(2));
    expect(changes()).toEqual([
      ["DELETE", "/api/v1/pause?only=all"],
      ["DELETE", "/api/v1/pause?device=d1"],
    ]);
  });

  it("for all is told with the groups that a schedule goes on to block", () => {
    paused([{ until }, { until, device: { id: "d1", name: "TV" } }]);
    if (status.data) status.data = { ...status.data, blocking: { ...status.data.blocking, still_blocked: [{ group: "kids", schedule: "Bedtime" }] } };
    render(Bars);
    expect(screen.getAllByText("But a schedule goes on to block kids (Bedtime).")).toHaveLength(1);
  });
});
