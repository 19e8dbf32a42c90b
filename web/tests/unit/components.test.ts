import { fireEvent, render, screen, within } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import Filters from "../../src/log/Filters.svelte";
import Rows from "../../src/log/Rows.svelte";
import { filtersOf } from "../../src/lib/filters.ts";
import { linesOf } from "../../src/lib/tail.ts";
import Answer from "../../src/overview/Answer.svelte";
import Matrix from "../../src/overview/Matrix.svelte";
import TimeChart from "../../src/overview/TimeChart.svelte";
import EntryFacts from "../../src/ui/EntryFacts.svelte";
import Name, { tailOf } from "../../src/ui/Name.svelte";
import { cell, entry, exposure, exposureRow, row, rows, summary } from "./made.ts";

beforeEach(() => history.replaceState({}, "", "/"));
afterEach(() => vi.useRealTimers());

describe("the answer", () => {
  const totals = (block: number, watch: number) => ({ queries: 1000, allow: 0, failed: 0, block, watch });

  it.each([
    [0, 0, /^Not that we can see: nothing asked/],
    [5, 0, /^Not that we can see: all 5 attempts .* were stopped\.$/],
    [0, 5, /^Yes: 5 times/],
    [6, 4, /^Partly: 4 of 10 attempts .* went through; 6 were stopped\.$/],
  ])("for %i stopped and %i let through", (block, watch, text) => {
    render(Answer, { summary: summary({ totals: totals(block, watch) }), span: "24h" });
    expect(screen.getByTestId("answer").textContent?.trim()).toMatch(text);
  });

  it("links its numbers to the log of the same time", () => {
    render(Answer, { summary: summary(), span: "24h" });
    expect(screen.getByTestId("block").getAttribute("href")).toBe(
      "/log?verdict=block&since=2026-11-19T09:30:00.000Z&until=2026-11-20T09:30:00.000Z",
    );
  });

  it("compares with the time before, when there was one", () => {
    const before = { ...totals(100, 50), queries: 500 };
    render(Answer, { summary: summary({ before }), span: "24h" });
    expect(screen.getByText(/100% more attempts than in the 24 hours before/)).toBeTruthy();
  });
});

describe("the matrix", () => {
  const home = exposure([exposureRow("d1", "<i>TV</i>", { acme: cell(3, 4) })], ["acme"]);

  it("links a cell to the log of the same device, pack and time", () => {
    render(Matrix, { exposure: home, since: undefined });
    const link = screen.getByRole("link", { name: "7, ACME, <i>TV</i>: 3 stopped, 4 watched" });
    expect(link.getAttribute("href")).toBe(
      "/log?device=d1&verdict=block,watch&vendor=acme&since=2026-11-19T09:30:00.000Z&until=2026-11-20T09:30:00.000Z",
    );
    expect(link.querySelector("strong")?.textContent).toBe("7");
  });
});

describe("the chart", () => {
  const series = {
    start: "2026-11-20T09:00:00.000Z",
    step_s: 300,
    allow: [0, 0, 0],
    watch: [0, 2, 0],
    block: [1, 3, 4],
  };
  const span = { since: "2026-11-20T09:02:00.000Z", until: "2026-11-20T09:14:30.000Z" };

  it("is read by key, moment by moment", async () => {
    render(TimeChart, { series, span });
    const chart = screen.getByRole("slider");
    chart.focus();
    expect(chart.getAttribute("aria-valuetext")).toMatch(/3 stopped, 2 watched$/);
    await fireEvent.keyDown(chart, { key: "ArrowRight" });
    expect(chart.getAttribute("aria-valuetext")).toMatch(/4 stopped, 0 watched$/);
    await fireEvent.keyDown(chart, { key: "Home" });
    expect(chart.getAttribute("aria-valuenow")).toBe("0");
    await fireEvent.keyDown(chart, { key: "ArrowLeft" });
    expect(chart.getAttribute("aria-valuenow")).toBe("0");
  });

  it("opens the log of the moment", async () => {
    render(TimeChart, { series, span, device: "d7" });
    const chart = screen.getByRole("slider");
    await fireEvent.keyDown(chart, { key: "End" });
    await fireEvent.keyDown(chart, { key: "Enter" });
    expect(location.pathname + location.search).toBe(
      "/log?device=d7&verdict=block,watch&since=2026-11-20T09:10:00.000Z&until=2026-11-20T09:14:30.000Z",
    );
  });

  it("says the same as a table", () => {
    render(TimeChart, { series, span });
    const numbers = screen.getAllByRole("cell", { hidden: true }).map((each) => each.textContent);
    expect(numbers).toEqual(["1", "0", "3", "2", "4", "0"]);
  });
});

describe("the log's lines", () => {
  const props = { becauseOf: (of: { pack?: string | null }) => of.pack ?? "", open: undefined, onend: () => {} };

  it("open by the button in them, once", async () => {
    const onopen = vi.fn();
    render(Rows, { ...props, lines: linesOf([row({ name: "a.example" })]), onopen });
    await fireEvent.click(screen.getByRole("button", { name: "Why: a.example" }));
    expect(onopen).toHaveBeenCalledOnce();
  });

  it("are in the document only when they are in view", () => {
    render(Rows, { ...props, lines: linesOf(rows(5000)), onopen: () => {} });
    const shown = screen.getAllByRole("row").length;
    expect(shown).toBeGreaterThan(10);
    expect(shown).toBeLessThan(60);
    expect(screen.getByRole("table").getAttribute("aria-rowcount")).toBe("5001");
  });

  it("show names as text", () => {
    const name = '<img src=x onerror="alert(1)">.example';
    const { container } = render(Rows, { ...props, lines: linesOf([row({ name })]), onopen: () => {} });
    expect(container.querySelector("img")).toBeNull();
    expect(container.textContent).toContain(name);
  });

  it("say the verdict in words", () => {
    const some = [row({ id: "1", verdict: "block" }), row({ id: "2", verdict: "watch" }), row({ id: "3", source: "failure" }), row({ id: "4", pack: "acme" }), row({ id: "5", name: "b" })];
    render(Rows, { ...props, lines: linesOf(some), onopen: () => {} });
    const words = screen.getAllByRole("row").slice(1).map((one) => within(one).getAllByRole("cell")[1]?.textContent);
    expect(words).toEqual(["Stopped", "Watched", "Failed", "Allowed", "Answered"]);
  });
});

describe("the log's filters", () => {
  const shown = (address: string) =>
    render(Filters, {
      filters: filtersOf(new URLSearchParams(address)),
      devices: [],
      packs: [],
      lists: [],
    });

  it("go to the address that says them", async () => {
    shown("verdict=watch&since=7d");
    await fireEvent.click(screen.getByRole("button", { name: "Stopped" }));
    expect(location.search).toBe("?verdict=block,watch&since=7d");
  });

  it("wait until somebody has typed", async () => {
    vi.useFakeTimers();
    shown("device=d1");
    const field = screen.getByRole("searchbox");
    await fireEvent.input(field, { target: { value: " tele " } });
    expect(location.search).toBe("");
    vi.advanceTimersByTime(300);
    expect(location.search).toBe("?device=d1&name=tele");
  });

  it("take nobody back who has left while typing", async () => {
    vi.useFakeTimers();
    const { unmount } = shown("device=d1");
    await fireEvent.input(screen.getByRole("searchbox"), { target: { value: "tele" } });
    unmount();
    vi.advanceTimersByTime(300);
    expect(location.search).toBe("");
  });

  it("keep a device and a type that the lists do not have", () => {
    shown("device=d99&type=LOC");
    expect(screen.getByLabelText<HTMLSelectElement>("Device").value).toBe("d99");
    expect(screen.getByLabelText<HTMLSelectElement>("Type").value).toBe("LOC");
  });
});

describe("the facts of an entry", () => {
  it("tell where it stands, what it takes, who says so, and the device's own switch", () => {
    const { container } = render(EntryFacts, { entry: entry(), pack: "Acme phones" });
    const text = container.textContent?.replace(/\s+/g, " ");
    for (const part of [
      "Acme phones · packs/acme.toml, line 71 · level safe",
      "For usage analytics · Device Manager",
      "Measured by a study",
      "Acme One, decrypted on the phone · seen 2017 · in normal use",
      "Listed by One list.",
      "Nothing reported",
      "Settings > Privacy",
    ]) {
      expect(text).toContain(part);
    }
    expect(screen.getByRole("link", { name: "A study of phones" }).getAttribute("href")).toBe("https://example.org/study");
  });

  it("name sensitive data first, and say that it is", () => {
    render(EntryFacts, { entry: entry() });
    const kinds = screen.getAllByRole("listitem").map((one) => one.textContent?.trim());
    expect(kinds[0]).toBe("the IMEI (sensitive)");
    expect(kinds[1]).toBe("the model");
  });

  it("make no link of an address that is not a web address", () => {
    const [evidence] = entry().evidence;
    const odd = { ...evidence!, address: "javascript:alert(1)" };
    render(EntryFacts, { entry: entry({ evidence: [odd] }) });
    expect(screen.queryByRole("link")).toBeNull();
  });
});

describe("a name", () => {
  it("keeps its end when room is short", () => {
    expect(tailOf("a.b.data.mistat.xiaomi.example")).toBe("xiaomi.example");
    expect(tailOf("www.shop.co.uk")).toBe("shop.co.uk");
    expect(tailOf("example")).toBe("example");
  });

  it("keeps its start when its end alone is too long", () => {
    expect(tailOf(`${"a".repeat(50)}.example`)).toBe("");
  });

  it("is whole in the document, and left to right", () => {
    const { container } = render(Name, { name: "www.\u202eelpmaxe.example" });
    const shown = container.querySelector("bdi");
    expect(shown?.textContent).toBe("www.\u202eelpmaxe.example");
    expect(shown?.getAttribute("dir")).toBe("ltr");
  });
});
