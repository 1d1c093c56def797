/** Models of the user's own: what a module has to give, and the guard that makes the whole contract of it. */
import type { TObject, TProperties } from 'typebox';
import { LbiError, ModelError } from '../core/errors.ts';
import { bounded, ownMistake } from '../core/own-mistake.ts';
import type { Json, Usage } from '../schemas/common.ts';
import type { Full } from '../schemas/pipeline/key.ts';
import type { FullOwnModel } from '../schemas/pipeline/model.ts';
import { checkReply } from './checked.ts';
import type { Model, ModelContext, ModelReply, ModelRequest } from './model.ts';

/** A reply: its text, or its value, which is held to the schema of the request; usage is estimated where it is not said. */
export type OwnReply = Partial<Omit<ModelReply, 'text' | 'value'>> &
  ({ text: string; value?: Json | undefined } | { text?: undefined; value: Json });

export interface OwnModelSession {
  /** Never retries by itself. Throws `ModelError` to say how the engine is to answer. */
  complete(request: ModelRequest, options: { signal: AbortSignal }): Promise<OwnReply> | OwnReply;
  close?(): Promise<void> | void;
}

export interface OwnModelContext extends ModelContext {
  /** Another model of the pipeline, which the schema must name (`names: 'model'`). */
  model(name: string): Promise<Model>;
}

/** The parameters that `open` is given: those of the module's schema, and those that every model has. */
export type OwnModelParameters<P extends TProperties> = Full<TObject<P>> & Omit<FullOwnModel, 'provider'>;

export interface ModelDefinition<P extends TProperties = TProperties> {
  name?: string;
  /** Raise it when the same request is answered otherwise: part of the identity of every reply. */
  version: string;
  /** Its keys in the pipeline file, made with `text`, `whole`, `list` … */
  schema: P;
  /** True when it follows a script: all output is then labelled. */
  scripted?: boolean;
  /** True when images in a request are seen. */
  images?: boolean;
  open(parameters: OwnModelParameters<P>, context: OwnModelContext): Promise<OwnModelSession> | OwnModelSession;
}

export interface OwnModel<P extends TProperties = TProperties> {
  readonly made: 'learn-by-interact/model';
  readonly definition: ModelDefinition<P>;
  /** The model as the engine holds it. `identity` names what its replies depend on. */
  open(parameters: OwnModelParameters<P>, context: OwnModelContext, identity?: string): Promise<Model>;
}

/** A model of one's own: `export default defineModel({ … })`, named in the pipeline as `provider: ./my-model.ts`. */
export const defineModel = <const P extends TProperties>(definition: ModelDefinition<P>): OwnModel<P> => ({
  made: 'learn-by-interact/model',
  definition,
  open: (parameters, context, identity) => guarded(definition, parameters, context, identity),
});

const alarm = (seconds: number, ring: () => void): (() => void) => {
  const timer = setTimeout(ring, seconds * 1000);
  return () => clearTimeout(timer);
};

async function guarded<P extends TProperties>(
  definition: ModelDefinition<P>,
  parameters: OwnModelParameters<P>,
  context: OwnModelContext,
  identity: string | undefined,
): Promise<Model> {
  const name = `the model ${definition.name ?? ''}`.trim();
  const { timeout: seconds, price } = parameters as FullOwnModel;
  const inner = await bounded({ name, what: 'opening', seconds, alarm }, () => definition.open(parameters, context));
  return {
    identity: identity ?? `own:${definition.name ?? ''}:${definition.version}`,
    scripted: definition.scripted === true,
    images: definition.images === true,
    complete: async (request, { signal }) => {
      const reply = await bounded({ name, what: 'a reply', seconds, alarm, signal }, (both) =>
        inner.complete(request, { signal: both }),
      ).catch(asModelError);
      return checked(name, request, reply, price);
    },
    close: async () => {
      await bounded({ name, what: 'closing', seconds: 30, alarm }, async () => inner.close?.());
    },
  };
}

const asModelError = (error: unknown): never => {
  if (error instanceof LbiError && !(error instanceof ModelError))
    throw new ModelError(error.kind, error.message, { cause: error });
  throw error;
};

function checked(name: string, request: ModelRequest, reply: OwnReply, price: FullOwnModel['price']): ModelReply {
  const text = reply?.text ?? (reply?.value === undefined ? undefined : JSON.stringify(reply.value));
  if (typeof text !== 'string')
    throw ownMistake(name, new Error("its reply has neither text nor value: expected { text: '…' } or { value: … }"));
  const { stop, detail, probabilities, usage, model } = reply;
  return checkReply(request, text, {
    usage: usage ?? estimated(request, text, price),
    model: model ?? name,
    ...(stop === undefined ? {} : { stop }),
    ...(detail === undefined ? {} : { detail }),
    ...(probabilities === undefined ? {} : { probabilities }),
  });
}

/** Tokens by the rule of thumb of four characters each, as for scripted models. */
function estimated(request: ModelRequest, text: string, price: FullOwnModel['price']): Usage {
  const parts = request.messages.flatMap(({ content }) =>
    content.map((part) => (part.type === 'text' ? part.text : '')),
  );
  const input = Math.ceil([request.system, ...parts].join('\n').length / 4);
  const output = Math.ceil(text.length / 4);
  const usd = price === undefined ? 0 : (input * price.input + output * price.output) / 1_000_000;
  return { calls: 1, input, cached: 0, cacheWrites: 0, output, usd };
}
