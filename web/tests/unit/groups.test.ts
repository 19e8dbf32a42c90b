import { fireEvent, render, screen } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import Facts from "../../src/groups/Facts.svelte";
import Form from "../../src/groups/Form.svelte";
import ScheduleForm from "../../src/groups/ScheduleForm.svelte";
import { ApiError } from "../../src/api/client.ts";
import type { Pack } from "../../src/api/types.ts";
import { didOf, differences, saying } from "../../src/lib/changes.ts";
import { daysText, linesOf, timesText, weekOf } from "../../src/lib/groups.ts";
import { pauseOf, whoOf } from "../../src/lib/pause.ts";
import { originHref, originWord, readOrigin } from "../../src/lib/origin.ts";
import { changeOf, group } from "./made.ts";

describe("a schedule", () => {
  it.each([
    [[], "every day"],
    [["mon", "tue", "wed", "thu", "fri"], "Mon to Fri"],
    [["sun", "sat"], "Sat and Sun"],
    [["wed"], "Wed"],
  ])("on %j says %s", (days, text) => expect(daysText(days)).toBe(text));

  it("says its times, or that it is all day", () => {
    expect(timesText([])).toBe("all day");
    expect(timesText(["20:30-06:30"])).toBe("20:30–06:30");
  });

  it("goes on past midnight in the picture, from Sunday to Monday, too", () => {
    const week = weekOf({ action: "block_all", days: ["sun"], times: ["18:00-06:00", "12:00-24:00"] });
    expect(week[6]).toEqual([[75, 100], [50, 100]]);
    expect(week[0]).toEqual([[0, 25]]);
    expect(week[1]).toEqual([]);
  });

  it("is told as the reason for a block", () => {
    expect(originWord(readOrigin("schedule"), new Map())).toBe("Schedule of the group");
    expect(originHref(readOrigin("schedule"), [])).toBe("/groups");
  });
});

describe("a group", () => {
  it("has lists that are for it beside those that it chooses", async () => {
    const onsave = vi.fn(async () => {});
    render(Form, { group: group({ lists: ["ads"] }), packs: [], lists: ["ads", "games", "more"], named: ["games"], onsave });
    const games = screen.getByRole("checkbox", { name: "games is for this group" });
    expect(games).toHaveProperty("checked", true);
    expect(games).toHaveProperty("disabled", true);
    await fireEvent.click(screen.getByRole("checkbox", { name: "more" }));
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    expect(onsave).toHaveBeenCalledWith({ lists: ["ads", "more"] });
  });

  it("tells the lists that count for it", async () => {
    const shown = (one: ReturnType<typeof group>, lists: string[]) => {
      const { container, unmount } = render(Facts, { group: one, packs: [], lists });
      const said = [...container.querySelectorAll("dd")][1]?.textContent?.trim();
      unmount();
      return said;
    };
    expect(shown(group({ lists: null }), ["ads", "more"])).toBe("as for all: ads and more");
    expect(shown(group({ lists: null }), [])).toBe("as for all");
    expect(shown(group({ lists: [] }), ["games"])).toBe("games");
    expect(shown(group({ lists: [] }), [])).toBe("none");
  });

  it("is sent with what was changed, and no more", async () => {
    const onsave = vi.fn(async () => {});
    const kids = group({
      packs: { default: "block", level: "strict", oneplus: { action: "block", level: "safe" } },
      schedule: [{ name: "Bedtime", days: [], times: ["20:30-06:30"], zone: null, action: "block_all" }],
    });
    render(Form, { group: kids, packs: [], lists: ["ads"], onsave });
    await fireEvent.input(screen.getByLabelText("Rules"), { target: { value: " ||a.example^ \n\n@@||b.example^" } });
    const servers = "https://family.example/dns-query\n\n udp://192.0.2.1 ";
    await fireEvent.input(screen.getByLabelText("Upstreams"), { target: { value: servers } });
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    expect(onsave).toHaveBeenCalledWith({
      rules: ["||a.example^", "@@||b.example^"],
      upstream: ["https://family.example/dns-query", "udp://192.0.2.1"],
    });
  });

  it("keeps the levels of packs when another does something else", async () => {
    const onsave = vi.fn(async () => {});
    const packs = { default: "block", level: "strict", oneplus: { action: "block", level: "safe" } };
    render(Form, { group: group({ packs }), packs: [], lists: [], onsave });
    await fireEvent.change(screen.getByLabelText("All packs"), { target: { value: "watch" } });
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    expect(onsave).toHaveBeenCalledWith({ packs: { ...packs, default: "watch" } });
  });

  it("that does not say what all packs do still does not say it when one pack is changed", async () => {
    const onsave = vi.fn(async () => {});
    const packs = [{ id: "oneplus", name: "OnePlus" }, { id: "lg", name: "LG" }] as Pack[];
    render(Form, { group: group({ packs: { oneplus: { level: "safe" } } }), packs, lists: [], onsave });
    for (const label of ["All packs", "Evidence"]) expect(screen.getByLabelText(label)).toHaveProperty("value", "");
    await fireEvent.change(screen.getByLabelText("LG"), { target: { value: "off" } });
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    expect(onsave).toHaveBeenCalledWith({ packs: { oneplus: { level: "safe" }, lg: "off" } });
  });

  it("tells of packs what it says itself", () => {
    const shown = (packs: Record<string, unknown> | null) => {
      const { container, unmount } = render(Facts, { group: group({ packs }), packs: [], lists: [] });
      const said = container.querySelector("dd")?.textContent?.trim();
      unmount();
      return said;
    };
    expect(shown(null)).toBe("as for all");
    expect(shown({})).toBe("as for all");
    expect(shown({ oneplus: "block" })).toBe("oneplus: Stop");
    expect(shown({ default: "off", level: "strict", oneplus: { level: "safe" } })).toBe("all: Off, evidence: strict; oneplus: evidence: safe");
  });

  it("has a schedule on one day at least", async () => {
    const onchange = vi.fn();
    const schedule = { name: "Bedtime", days: ["mon", "tue"], times: [], zone: null, action: "block_all" };
    const { rerender } = render(ScheduleForm, { schedule, lists: [], onchange, onremove: () => {} });
    await fireEvent.click(screen.getByRole("checkbox", { name: "Mon" }));
    expect(onchange).toHaveBeenCalledWith({ ...schedule, days: ["tue"] });
    await rerender({ schedule: { ...schedule, days: ["tue"] } });
    expect(screen.getByRole("checkbox", { name: "Tue" })).toHaveProperty("disabled", true);
    expect(screen.getByRole("checkbox", { name: "Mon" })).toHaveProperty("disabled", false);
  });

  it("has no name and no days in a schedule that nobody gave it", async () => {
    const onsave = vi.fn(async () => {});
    const plain = { name: null, days: [], times: ["08:00-09:00"], zone: null, action: "pause" };
    render(Form, { group: group({ schedule: [plain] }), packs: [], lists: [], onsave });
    await fireEvent.click(screen.getByRole("button", { name: "Add a schedule" }));
    // All days again are as none.
    for (const _ of [0, 1]) await fireEvent.click(screen.getAllByRole("checkbox", { name: "Mon" })[0] as HTMLElement);
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    const added = { name: null, days: [], times: ["20:30-06:30"], zone: null, action: "block_all" };
    expect(onsave).toHaveBeenCalledWith({ schedule: [{ ...plain, days: [] }, added] });
  });

  it("numbers a schedule without a name", () => {
    const plain = { name: null, days: [], times: [], zone: null, action: "pause" };
    render(Facts, { group: group({ schedule: [plain] }), packs: [], lists: [] });
    expect(screen.getByText("Schedule 1")).toBeDefined();
  });

  it("may have the same rule twice", () => {
    render(Facts, { group: group({ rules: ["||a.example^", "||a.example^"] }), packs: [], lists: [] });
    expect(screen.getAllByText("||a.example^")).toHaveLength(2);
  });

  it("says at the field what the server has against it", async () => {
    const errors = [{ pointer: "/rules/0", detail: "this is no rule" }];
    const onsave = () => Promise.reject(new ApiError("problem", { title: "wrong", errors }, "groups"));
    render(Form, { packs: [], lists: [], onsave });
    await fireEvent.input(screen.getByLabelText("Name of the group"), { target: { value: "Kids" } });
    await fireEvent.click(screen.getByRole("button", { name: "Add a group" }));
    await vi.waitFor(() => expect(screen.getByLabelText("Rules").getAttribute("aria-invalid")).toBe("true"));
    const note = screen.getByLabelText("Rules").getAttribute("aria-describedby") ?? "";
    expect(document.getElementById(note)?.textContent).toBe("This is no rule");
  });

  it("has one rule a line", () => expect(linesOf(" a \n\n b")).toEqual(["a", "b"]));
});

describe("a pause", () => {
  const until = "2026-11-20T10:00:00Z";
  it("is that of exactly these", () => {
    const pauses = [{ until }, { until, group: "kids" }, { until, device: { id: "d1", name: "TV" } }];
    expect(pauseOf(pauses, {})).toBe(pauses[0]);
    expect(pauseOf(pauses, { group: "kids" })).toBe(pauses[1]);
    expect(pauseOf(pauses, { device: "d1" })).toBe(pauses[2]);
    expect(pauseOf(pauses, { device: "d2" })).toBeUndefined();
    expect(pauses.map(whoOf)).toEqual([{}, { group: "kids" }, { device: "d1" }]);
  });
});

describe("a change", () => {
  it("says what was done to what, and what is other than before", () => {
    const one = changeOf({ before: { action: "block", match: "||a.example^" }, after: { action: "watch", match: "||a.example^" } });
    expect(saying(one)).toBe("Rule ||a.example^ changed");
    expect(differences(one)).toEqual([{ member: "action", before: "block", after: "watch" }]);
  });

  it("adds or removes where one side is not there", () => {
    expect(didOf(changeOf({ before: null, after: {} }))).toBe("add");
    expect(didOf(changeOf({ before: {}, after: null }))).toBe("remove");
    const all = changeOf({ kind: "pause", name: "all", before: null, after: { until: "x" } });
    expect(saying(all)).toBe("Pause for all added");
  });
});
