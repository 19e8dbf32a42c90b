// What the server has against a form, field by field.
import { ApiError } from "../api/client.ts";
import { reasonOf } from "./toast.svelte.ts";

/** By field; under "" stands what belongs to none. */
export type Faults = Record<string, string>;

/** The faults of a refused form; a pointer is "/source", or "source" for a parameter. */
export function faultsOf(cause: unknown, fields: readonly string[]): Faults {
  const errors = (cause instanceof ApiError && cause.problem.errors) || [];
  const faults: Faults = {};
  for (const { pointer, detail } of errors) {
    const [field = ""] = pointer.replace(/^[#/]+/, "").split("/");
    faults[fields.includes(field) ? field : ""] ??= detail;
  }
  return errors.length > 0 ? faults : { "": reasonOf(cause) };
}

/** The members that are other than before: what nobody touched is not sent, and stays as it is. */
export function changed<T extends object>(before: T, now: T): Partial<T> {
  const isOther = ([member, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(before[member as keyof T]);
  return Object.fromEntries(Object.entries(now).filter(isOther)) as Partial<T>;
}

/** Moves to the first field that is wrong. */
export function focusFault(form: HTMLElement | undefined): void {
  form?.querySelector<HTMLElement>("[aria-invalid='true']")?.focus();
}
