// One click on a name: a rule of one's own, said in words, with the way back.
import { api } from "../api/client.ts";
import type { DeviceRef, ListAction, Rule, RuleChange } from "../api/types.ts";
import { href } from "./router.ts";
import { type Reach, matchOf, sameRule } from "./rules.ts";
import { change } from "./toast.svelte.ts";
import { type Key, t } from "./words.ts";

export interface Wish extends Reach {
  action: ListAction;
  /** None is everyone. */
  device?: Pick<DeviceRef, "id" | "name">;
}

interface Done {
  rule: Rule;
  undo: () => Promise<unknown>;
  /** Whether the name is now decided as wished. */
  holds: boolean;
}

/** "Allow x.example for Tablet": what a click will do. */
export function saying(wish: Wish): string {
  return worded("will", wish);
}

function worded(tense: "will" | "did", { action, name, device }: Wish): string {
  const key: Key = `rule.${tense}.${action}`;
  return t(key, { name, device: device?.name ?? t("rule.everyone") });
}

async function make(wish: Wish): Promise<Done> {
  const made: RuleChange = { match: matchOf(wish), action: wish.action, device: wish.device?.id };
  const same = sameRule((await api.rules()).rules, made);
  const rule = same ? await api.changeRule(same.id, { action: wish.action }) : await api.addRule(made);
  const undo = () => (same ? api.changeRule(same.id, { action: same.action }) : api.removeRule(rule.id));
  const { verdict } = await api.explain({ name: wish.name, device: wish.device?.id });
  return { rule, undo, holds: verdict === wish.action };
}

/** Makes the rule; where another rule is stronger, says that it does not help yet. */
export function decide(wish: Wish): Promise<boolean> {
  return change(
    () => make(wish),
    ({ undo, holds }) => {
      if (holds) return { text: worded("did", wish), undo };
      const lookup = href("/lookup", { name: wish.name, device: wish.device?.id });
      return { text: t("rule.weaker", { name: wish.name }), more: { text: t("rule.seeWhy"), href: lookup }, undo };
    },
  );
}
