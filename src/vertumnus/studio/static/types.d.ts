// The messages by the names that the page has for them, and the schemas that it makes controls from.

import type { DocumentShown } from "./messages";

export type {
  Changed,
  Command,
  Done,
  Edit,
  FromServer,
  HistoryShown as History,
  JobShown as Job,
  LayerShown as Layer,
  ResultShown as Result,
  RunShown as Run,
  ShapeGiven,
  UploadShown as Upload,
  Welcome,
} from "./messages";

/** A document beside its layers. */
export type Canvas = Omit<DocumentShown, "layers">;

/** JSON schema, as far as the page reads it. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  $ref?: string;
  $defs?: Record<string, Schema>;
}
