import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import Records from "../../src/pages/Records.svelte";
import Form from "../../src/records/Form.svelte";
import Item from "../../src/records/Item.svelte";
import { ApiError } from "../../src/api/client.ts";
import { toast } from "../../src/lib/toast.svelte.ts";
import { record } from "./made.ts";

const asked = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();
const reply = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const sent = (at: number) => {
  const [url, { method, body }] = asked.mock.calls[at] ?? ["", {}];
  return [`${method} ${url}`, body ? JSON.parse(body as string) : undefined];
};
const type = (label: string, value: string) => fireEvent.input(screen.getByLabelText(label), { target: { value } });

beforeEach(() => {
  toast.clear();
  asked.mockReset();
  vi.stubGlobal("fetch", asked);
});

describe("the form of a record", () => {
  it("leaves the type of an address to the server", async () => {
    const onsave = vi.fn(() => Promise.resolve());
    render(Form, { onsave });
    await type("Home name", " nas.home.arpa ");
    await type("Value", "192.0.2.10");
    await fireEvent.click(screen.getByRole("button", { name: "Add the record" }));
    expect(onsave).toHaveBeenCalledWith({ name: "nas.home.arpa", type: null, value: "192.0.2.10", ttl: "5m" });
    await waitFor(() => expect(screen.getByLabelText("Home name")).toHaveProperty("value", ""));
  });

  it("opens a record as it is kept", () => {
    render(Form, { record: record({ type: "CNAME", value: "www.example", ttl: "1h" }), onsave: () => Promise.resolve() });
    expect(screen.getByLabelText("Type")).toHaveProperty("value", "CNAME");
    expect(screen.getByLabelText("Value")).toHaveProperty("value", "www.example");
    expect(screen.getByLabelText("Kept for")).toHaveProperty("value", "1h");
  });

  it("says at the field what is wrong, and keeps what was typed", async () => {
    const errors = [{ pointer: "/value", detail: "is no MX: write it such as \"10 mail.example\"" }];
    render(Form, { onsave: () => Promise.reject(new ApiError("problem", { title: "wrong", errors }, "/x")) });
    await type("Home name", "a.example");
    await type("Value", "mail");
    await fireEvent.click(screen.getByRole("button", { name: "Add the record" }));
    await waitFor(() => expect(document.querySelector(".fault")?.textContent).toMatch(/is no MX.*10 mail.example/i));
    const field = screen.getByLabelText("Value");
    expect(field.getAttribute("aria-invalid")).toBe("true");
    expect(field).toHaveProperty("value", "mail");
    expect(document.activeElement).toBe(field);
  });
});

describe("a record of the home", () => {
  it("is removed at once, and comes back the same", async () => {
    const one = record({ id: "4", type: "TXT", value: "two words", ttl: "1h" });
    render(Item, { record: one });
    asked.mockImplementation(() => Promise.resolve(reply(one)));
    await fireEvent.click(screen.getByRole("button", { name: "Remove nas.home.arpa" }));
    await waitFor(() => expect(toast.now?.text).toBe("The record of nas.home.arpa is removed."));
    await toast.undo();
    expect(sent(0)[0]).toBe("DELETE /api/v1/records/4");
    expect(sent(1)).toEqual(["POST /api/v1/records", { name: "nas.home.arpa", type: "TXT", value: "two words", ttl: "1h" }]);
  });

  it("is changed, and changed back", async () => {
    const one = record({ id: "4" });
    render(Item, { record: one });
    asked.mockImplementation(() => Promise.resolve(reply(one)));
    await fireEvent.click(screen.getByRole("button", { name: "Change nas.home.arpa" }));
    await type("Value", "2001:db8::10");
    await fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(toast.now?.text).toBe("The record of nas.home.arpa is changed."));
    await toast.undo();
    expect(sent(0)).toEqual(["PATCH /api/v1/records/4", { name: "nas.home.arpa", type: null, value: "2001:db8::10", ttl: "5m" }]);
    expect(sent(1)).toEqual(["PATCH /api/v1/records/4", { name: "nas.home.arpa", type: "A", value: "192.0.2.10", ttl: "5m" }]);
  });

  it("of the config file cannot be changed", () => {
    render(Item, { record: record({ declared: true }) });
    expect(screen.getByText(/set in the config file/)).toBeTruthy();
    expect(screen.queryByRole("button")).toBeNull();
  });

  it("says when something else comes first", () => {
    render(Item, { record: record({ in_force: false }) });
    expect(screen.getByText(/Not answered/)).toBeTruthy();
  });
});

describe("the page of records", () => {
  it("finds by name, type and value, and adds one with a way back", async () => {
    const many = Array.from({ length: 9 }, (_, at) => record({ id: `${at}`, name: `n${at}.home.arpa`, value: `192.0.2.${at}` }));
    asked.mockImplementation((_, { method }) => Promise.resolve(method === "POST" ? reply(record({ id: "7" }), 201) : reply({ records: many })));
    render(Records);
    await screen.findByText("9 records");
    await fireEvent.input(screen.getByRole("searchbox"), { target: { value: "192.0.2.3" } });
    expect(screen.getAllByRole("listitem")).toHaveLength(1);
    await type("Home name", "nas.home.arpa");
    await type("Value", "192.0.2.10");
    await fireEvent.click(screen.getByRole("button", { name: "Add the record" }));
    await waitFor(() => expect(toast.now?.text).toBe("nas.home.arpa is answered."));
    asked.mockClear();
    await toast.undo();
    expect(sent(0)[0]).toBe("DELETE /api/v1/records/7");
  });
});
