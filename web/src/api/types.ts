// The API's shapes under the names that the dashboard uses. `schema.d.ts` is made of the server's
// own description: `npm run api`.
import type { components } from "./schema.d.ts";

type Shapes = components["schemas"];

export type Verdict = Shapes["VerdictWord"];
/** What the log can be asked for: a verdict, or that no answer could be had. */
export type Outcome = Verdict | "failed";
export type Action = Shapes["PackAction"];
export type Level = Shapes["Level"];
export type Confidence = Shapes["Confidence"];

export type Problem = Partial<Shapes["Problem"]> & { title: string };
export type Trouble = Shapes["Trouble"];
export type Status = Shapes["Status"];

export type Totals = Shapes["Totals"];
export type Series = Shapes["Columns"];
/** Facts differ by kind, and a newer server may know more kinds. */
export type Attention = Omit<Shapes["Attention"], "facts" | "kind"> & {
  kind: string;
  facts: Record<string, unknown>;
};
export type Vendor = Shapes["Vendor"];
export type Summary = Omit<Shapes["Summary"], "attention"> & { attention: Attention[] };

export type DataKind = Shapes["DataInfo"];
export type Cell = Shapes["ExposureCell"];
export type ExposureRow = Shapes["ExposureRow"];
export type Exposure = Shapes["Exposure"];

export type Row = Shapes["Row"];
export type Page = Shapes["Page"];

export type DeviceRef = Shapes["DeviceRef"];
export type Device = Shapes["Device"];
export type DeviceDetail = Shapes["DeviceDetail"];

export type Pack = Shapes["PackItem"];
export type PackDetail = Shapes["PackDetail"];
export type EntryInfo = Shapes["EntryInfo"];
export type Evidence = Shapes["EvidenceInfo"];
export type Explanation = Shapes["Explanation"];
