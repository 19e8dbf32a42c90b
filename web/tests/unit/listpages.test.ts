import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import Add from "../../src/lists/Add.svelte";
import { draft } from "../../src/lists/draft.svelte.ts";
import ListItem from "../../src/lists/Item.svelte";
import Settings from "../../src/lists/Settings.svelte";
import RuleForm from "../../src/rules/Form.svelte";
import RuleItem from "../../src/rules/Item.svelte";
import Toast from "../../src/shell/Toast.svelte";
import Because from "../../src/ui/Because.svelte";
import Words from "../../src/ui/Words.svelte";
import { toast } from "../../src/lib/toast.svelte.ts";
import type { ListInfo } from "../../src/api/types.ts";
import { group, listInfo, listPreview, rule } from "./made.ts";

const asked = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();
const reply = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const sent = (at: number) => {
  const [url, { method, body }] = asked.mock.calls[at] ?? ["", {}];
  return [`${method} ${url}`, body ? JSON.parse(body as string) : undefined];
};

beforeEach(() => {
  history.replaceState({}, "", "/");
  toast.clear();
  draft.clear();
  asked.mockReset();
  vi.stubGlobal("fetch", asked);
});

describe("a list among all", () => {
  it("changes what it does, says so, and can go back", async () => {
    render(ListItem, { list: listInfo({ id: "l1", name: "ads" }), busy: false });
    render(Toast);
    asked.mockImplementation(() => Promise.resolve(reply(listInfo())));
    const does = within(screen.getByRole("group", { name: "What is done by ads" }));
    expect(does.getByRole("button", { name: "Stop" }).getAttribute("aria-pressed")).toBe("true");
    await fireEvent.click(does.getByRole("button", { name: "Log only" }));
    await screen.findByText(/ads now only logs/);
    expect(sent(0)).toEqual(["PATCH /api/v1/lists/l1", { enabled: true, action: "watch" }]);
    await fireEvent.click(screen.getByRole("button", { name: "Undo" }));
    expect(sent(1)).toEqual(["PATCH /api/v1/lists/l1", { action: "block", enabled: true }]);
  });

  it("that the config file sets offers no change, but a refresh", () => {
    render(ListItem, { list: listInfo({ declared: true }), busy: false });
    expect(screen.queryByRole("group")).toBeNull();
    expect(screen.getByText("set in the config file")).toBeTruthy();
    expect(screen.getByRole("button", { name: /^Refresh/ })).toHaveProperty("disabled", false);
  });

  it("links its hits to the log of the same list, verdict and time", () => {
    const since = "2026-11-13T09:00:00Z";
    render(ListItem, { list: listInfo({ name: "a&b", hits: { blocked: 12, watched: 3, names: 2, since } }), busy: false });
    expect(screen.getByRole("link", { name: "12 stopped" }).getAttribute("href")).toBe(`/log?verdict=block&list=a%26b&since=${since}`);
    expect(screen.getByRole("link", { name: "3 watched" }).getAttribute("href")).toBe(`/log?verdict=watch&list=a%26b&since=${since}`);
  });

  it("whose new copy is held back can have it put in force", async () => {
    const held = { reason: "it shrank", entries_before: 9000, entries_now: 12 };
    render(ListItem, { list: listInfo({ id: "l1", state: "held", held }), busy: false });
    expect(screen.getByText("It has 12 entries; the copy in force has 9,000 and stays until you decide.")).toBeTruthy();
    asked.mockImplementation(() => Promise.resolve(new Response(null, { status: 204 })));
    await fireEvent.click(screen.getByRole("button", { name: "Use the new copy" }));
    expect(sent(0)[0]).toBe("POST /api/v1/lists/l1/confirm");
  });

  it("whose new copy is held back can have it discarded, and says so afterwards", async () => {
    const held = { reason: "this is a web page", entries_before: 9000, entries_now: 0 };
    const { rerender, container } = render(ListItem, { list: listInfo({ id: "l1", state: "held", held }), busy: false });
    asked.mockImplementation(() => Promise.resolve(reply(listInfo())));
    await fireEvent.click(screen.getByRole("button", { name: "Discard it" }));
    expect(sent(0)[0]).toBe("POST /api/v1/lists/l1/discard");
    await waitFor(() => expect(toast.now?.text).toBe("The new copy of ads is discarded. The one before stays in force."));
    const discarded = { reason: "this is a web page", entries: 0, at: new Date(Date.now() - 3_600_000).toISOString() };
    await rerender({ list: listInfo({ id: "l1", discarded }), busy: false });
    expect(screen.queryByRole("button", { name: "Discard it" })).toBeNull();
    expect(container.textContent?.replace(/\s+/g, " ")).toContain(
      "A new copy was discarded 1 hr. ago: This is a web page. It is not held back again as long as the source has nothing else.",
    );
  });

  it("says for whom it counts where there are groups", async () => {
    const groups = [group({ id: "default", name: "default" }), group({ id: "kids", name: "Kids" })];
    const used = (...ids: string[]) => groups.filter((one) => ids.includes(one.id)).map(({ id, name }) => ({ id, name, always: true }));
    const { rerender } = render(ListItem, { list: listInfo({ used_by: used("kids") }), busy: false, groups });
    expect(screen.getByText("for Kids")).toBeTruthy();
    await rerender({ list: listInfo({ used_by: used("default", "kids") }), busy: false, groups });
    expect(screen.getByText("for all groups")).toBeTruthy();
    await rerender({ list: listInfo({ used_by: [] }), busy: false, groups });
    expect(screen.getByText("for no group, so it has no effect")).toBeTruthy();
    await rerender({ list: listInfo(), busy: false, groups: groups.slice(0, 1) });
    expect(screen.queryByText(/^for /)).toBeNull();
  });

  it("says since when it fails, and which copy is in force", () => {
    const problem = { message: "the server answers `404 Not Found`", since: new Date(Date.now() - 3 * 86_400_000).toISOString() };
    const { container } = render(ListItem, { list: listInfo({ state: "failing", problem, fetched_at: "2026-11-12T09:00:00Z" }), busy: false });
    expect(container.textContent).toContain("The server answers 404 Not Found");
    expect(container.textContent).toMatch(/since 3 days ago/);
    expect(container.textContent).toMatch(/The copy of .*12.* stays in force/);
  });
});

describe("adding a list", () => {
  const shown = () => render(Add, { names: new Map([["l2", "big"]]), onclose: () => {} });
  const type = (label: string, value: string) => fireEvent.input(screen.getByLabelText(label), { target: { value } });

  it("shows what it would bring before it can be added", async () => {
    const { container } = shown();
    asked.mockResolvedValueOnce(reply(listPreview()));
    await type("Where it comes from", "https://lists.example/trackers.txt");
    expect(screen.queryByRole("button", { name: "Add this list" })).toBeNull();
    await fireEvent.click(screen.getByRole("button", { name: "Look at it" }));
    await screen.findByRole("button", { name: "Add this list" });
    expect(sent(0)).toEqual(["POST /api/v1/lists/preview", { source: "https://lists.example/trackers.txt", format: "auto", action: "block" }]);
    const text = container.textContent?.replace(/\s+/g, " ");
    for (const part of ["100 entries, read as hosts file", "1 line is refused", "line 7", "&&&", "No name", "On no other list 90 90%", "big 10 10%", "In the last 7 days", "stopped 5 questions that went through, for 1 name:"]) {
      expect(text).toContain(part);
    }
    expect(screen.getByLabelText("Name")).toHaveProperty("value", "trackers");
  });

  it("sends what was chosen, and goes to the lists", async () => {
    shown();
    asked.mockResolvedValueOnce(reply(listPreview())).mockResolvedValueOnce(reply(listInfo({ name: "mine" }), 201));
    await type("Where it comes from", "https://lists.example/x.txt");
    await fireEvent.click(screen.getByRole("button", { name: "Look at it" }));
    await screen.findByRole("button", { name: "Add this list" });
    await fireEvent.click(screen.getByRole("button", { name: "Log only" }));
    await type("Name", " mine ");
    await fireEvent.click(screen.getByRole("button", { name: "Add this list" }));
    await waitFor(() => expect(location.pathname + location.search).toBe("/lists"));
    expect(sent(1)).toEqual(["POST /api/v1/lists", { name: "mine", source: "https://lists.example/x.txt", action: "watch", format: "auto", refresh: "1d" }]);
    expect(toast.now?.text).toBe("mine is added and is being fetched.");
  });

  it("is for the groups that are chosen", async () => {
    const groups = [group({ id: "default", name: "default" }), group({ id: "kids", name: "Kids" })];
    render(Add, { names: new Map(), groups, onclose: () => {} });
    asked.mockResolvedValueOnce(reply(listPreview())).mockResolvedValueOnce(reply(listInfo(), 201));
    await type("Where it comes from", "https://lists.example/x.txt");
    await fireEvent.click(screen.getByRole("button", { name: "Look at it" }));
    await screen.findByRole("button", { name: "Add this list" });
    const whom = within(screen.getByRole("group", { name: "For whom it counts" }));
    expect(whom.getByRole("radio", { name: /^All groups/ })).toHaveProperty("checked", true);
    expect(whom.queryByRole("checkbox")).toBeNull();
    await fireEvent.click(whom.getByRole("radio", { name: "Only these groups" }));
    await fireEvent.click(whom.getByRole("checkbox", { name: "default" }));
    await fireEvent.click(screen.getByRole("button", { name: "Add this list" }));
    await waitFor(() => expect(asked).toHaveBeenCalledTimes(2));
    expect(sent(1)[1]).toMatchObject({ name: "x", groups: ["kids"] });
  });

  it("shows what is wrong at the field, and goes there", async () => {
    shown();
    asked.mockResolvedValueOnce(reply({ title: "wrong", errors: [{ pointer: "/source", detail: "it answers 404" }] }, 422));
    await type("Where it comes from", "https://lists.example/gone.txt");
    await fireEvent.click(screen.getByRole("button", { name: "Look at it" }));
    await screen.findByText("It answers 404");
    const field = screen.getByLabelText("Where it comes from");
    expect(field.getAttribute("aria-invalid")).toBe("true");
    expect(document.getElementById(field.getAttribute("aria-describedby") ?? "")?.textContent).toBe("It answers 404");
    expect(document.activeElement).toBe(field);
  });

  it("forgets what it saw when another source is typed", async () => {
    shown();
    asked.mockResolvedValueOnce(reply(listPreview()));
    await type("Where it comes from", "https://lists.example/x.txt");
    await fireEvent.click(screen.getByRole("button", { name: "Look at it" }));
    await screen.findByRole("button", { name: "Add this list" });
    await type("Where it comes from", "https://lists.example/y.txt");
    expect(screen.queryByRole("button", { name: "Add this list" })).toBeNull();
  });
});

describe("the settings of a list", () => {
  const groups = [
    group({ id: "default", name: "default" }),
    group({ id: "kids", name: "Kids", lists: ["ads"] }),
    group({ id: "tv", name: "TVs", lists: [] }),
  ];
  const open = async (list: ListInfo) => {
    render(Settings, { list, groups });
    await fireEvent.click(screen.getByRole("button", { name: "Change" }));
  };
  const tick = (name: string) => fireEvent.click(screen.getByRole("checkbox", { name }));
  const save = () => fireEvent.click(screen.getByRole("button", { name: "Save" }));

  it("change for whom it counts, and can go back", async () => {
    asked.mockImplementation(() => Promise.resolve(reply(listInfo())));
    await open(listInfo({ groups: ["default"] }));
    const own = screen.getByRole("checkbox", { name: /^Kids/ });
    expect([own, screen.getByRole("checkbox", { name: "TVs" })].map((one) => (one as HTMLInputElement).checked)).toEqual([true, false]);
    expect(own).toHaveProperty("disabled", true);
    await tick("TVs");
    await tick("default");
    await save();
    await waitFor(() => expect(toast.now?.text).toBe("ads is changed."));
    expect(sent(0)).toEqual(["PATCH /api/v1/lists/l1", { groups: ["tv"] }]);
    await toast.undo();
    expect(sent(1)[1]).toMatchObject({ groups: ["default"] });
  });

  it("leave the groups alone where nobody touched them", async () => {
    asked.mockImplementation(() => Promise.resolve(reply(listInfo())));
    await open(listInfo({ groups: ["tv", "default"] }));
    await fireEvent.input(screen.getByLabelText("Name"), { target: { value: "adverts" } });
    await save();
    await waitFor(() => expect(toast.now?.text).toBe("adverts is changed."));
    expect(sent(0)[1]).toEqual({ name: "adverts" });
    await toast.undo();
    expect(sent(1)[1]).not.toHaveProperty("groups");
  });

  it("name a group that is left, or say that one has to be chosen", async () => {
    asked.mockImplementation(() => Promise.resolve(reply(listInfo())));
    await open(listInfo({ groups: ["default"] }));
    await tick("default");
    await save();
    await waitFor(() => expect(sent(0)[1]).toEqual({ groups: ["kids"] }));
  });

  it("want somebody for whom it counts", async () => {
    await open(listInfo({ name: "other", groups: ["default"] }));
    await tick("default");
    await save();
    await screen.findByText("Choose a group; a list that is for nobody can be paused.");
    expect(document.activeElement).toBe(screen.getByRole("checkbox", { name: "default" }));
    expect(asked).not.toHaveBeenCalled();
  });
});

describe("the form of a rule", () => {
  it("makes a rule of a plain name, with all below or not", async () => {
    const onsave = vi.fn(() => Promise.resolve());
    render(RuleForm, { devices: [], onsave });
    await fireEvent.input(screen.getByLabelText("Name or pattern"), { target: { value: "Ads.example" } });
    expect(screen.getByText("Kept as ||ads.example^")).toBeTruthy();
    await fireEvent.click(screen.getByLabelText("and all names below it"));
    await fireEvent.click(screen.getByRole("button", { name: "Log only" }));
    await fireEvent.click(screen.getByRole("button", { name: "Add the rule" }));
    expect(onsave).toHaveBeenCalledWith({ match: "|ads.example^", action: "watch", device: null, comment: null });
  });

  it("opens a rule as it is kept", () => {
    render(RuleForm, { devices: [], rule: rule({ match: "|ads.example^", device: "d9", comment: "tv" }), onsave: () => Promise.resolve() });
    expect(screen.getByLabelText("Name or pattern")).toHaveProperty("value", "ads.example");
    expect(screen.getByLabelText("and all names below it")).toHaveProperty("checked", false);
    expect(screen.getByLabelText("Device")).toHaveProperty("value", "d9");
  });
});

describe("a rule of one's own", () => {
  it("is removed at once, and comes back the same", async () => {
    const one = rule({ id: "4", match: "||ads.example^", action: "allow", comment: "school", device: "d1" });
    render(RuleItem, { rule: one, devices: [] });
    asked.mockImplementation(() => Promise.resolve(reply(one)));
    await fireEvent.click(screen.getByRole("button", { name: "Remove ads.example" }));
    await waitFor(() => expect(toast.now?.text).toBe("The rule for ads.example is removed."));
    await toast.undo();
    expect(sent(0)[0]).toBe("DELETE /api/v1/rules/4");
    expect(sent(1)).toEqual(["POST /api/v1/rules", { match: "||ads.example^", action: "allow", device: "d1", comment: "school" }]);
  });

  it("of the config file cannot be changed", () => {
    render(RuleItem, { rule: rule({ declared: true }), devices: [] });
    expect(screen.queryByRole("button")).toBeNull();
  });
});

describe("a toast", () => {
  it("goes by itself, but not from under a pointer, and not when something failed", async () => {
    vi.useFakeTimers();
    render(Toast);
    toast.say({ text: "done" });
    await vi.advanceTimersByTimeAsync(9_000);
    await fireEvent.pointerEnter(screen.getByRole("presentation"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(toast.now).toBeDefined();
    await fireEvent.pointerLeave(screen.getByRole("presentation"));
    await vi.advanceTimersByTimeAsync(10_500);
    expect(toast.now).toBeUndefined();
    toast.say({ text: "no", failed: true });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(toast.now?.text).toBe("no");
    vi.useRealTimers();
  });
});

describe("an entry of a list", () => {
  it.each([
    ["=ads.example", "ads.example this name alone"],
    ["ads.example", "ads.example and all names below it"],
    ["*.ads.example", "ads.example all names below it"],
    ["/^ads/", "/^ads/"],
  ])("%s is said in words, with its place", (entry, words) => {
    const { container } = render(Because, { one: { origin: "list:ads", entry, action: "block", line: 12 }, lists: [{ id: "l1", name: "ads" }] });
    const text = container.textContent?.replace(/\s+/g, " ").trim() ?? "";
    expect(text).toBe(`${words} List ads, line 12`);
    expect(screen.getByRole("link").getAttribute("href")).toBe("/lists/l1");
  });
});

describe("the server's words", () => {
  it.each([
    ["the modifier `x` is unknown", "The modifier x is unknown"],
    ["https://a.example answers 404", "https://a.example answers 404"],
    ["<img src=x>", "<img src=x>"],
  ])("'%s'", (text, shown) => {
    const { container } = render(Words, { text });
    expect(container.querySelector("img")).toBeNull();
    expect(container.textContent).toBe(shown);
  });
});
