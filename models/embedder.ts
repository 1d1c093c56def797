/** Sentence embeddings in this process: all-MiniLM-L6-v2 (int8) by onnxruntime, from files only, never from the network. */
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FeatureExtractionPipeline } from '@huggingface/transformers';
import { ModelError } from '../core/errors.ts';
import type { Embedder } from './model.ts';
import { fileSha256, knownEmbedder } from './weights.ts';

/** Far more than the model's window of 512 word pieces; the tokenizer would read all of a longer text before it cuts it. */
const mostCharacters = 10_000;

/**
 * The embedder of a folder that holds `onnx/model_quantized.onnx`, `tokenizer.json`, `tokenizer_config.json` and `config.json`.
 * Unit vectors of 384 numbers, mean-pooled; a text is cut at 512 word pieces; an empty text has a vector too. Texts go through one
 * by one, on one thread: padding to the longest of a batch costs more than a batch gains. Throws an operator-fixable ModelError
 * when a file or the package is missing.
 */
export async function localEmbedder(folder: string): Promise<Embedder> {
  const sha256 = await checkFiles(folder);
  const extractor = await load(folder);
  return {
    identity: `embedder:${sha256}:mean:512`,
    dimensions: knownEmbedder.dimensions,
    async embed(texts) {
      const vectors: Float32Array[] = [];
      for (const text of texts) vectors.push(await embedOne(extractor, text));
      return vectors;
    },
    async close() {
      await extractor.dispose();
    },
  };
}

async function embedOne(extractor: FeatureExtractionPipeline, text: string): Promise<Float32Array> {
  // A lone surrogate, as a cut in the middle of a character leaves it, is not text that the tokenizer can read.
  const readable = text.slice(0, mostCharacters).toWellFormed();
  const tensor = await extractor._call(readable, { pooling: 'mean', normalize: true });
  const { data } = tensor;
  if (!(data instanceof Float32Array) || data.length !== knownEmbedder.dimensions) {
    throw new ModelError(
      'fatal',
      `The embedding model answered ${data.length} numbers, not ${knownEmbedder.dimensions}.`,
    );
  }
  const vector = data.slice();
  tensor.dispose();
  return vector;
}

/** sha256 of the weights; every file must be there. */
async function checkFiles(folder: string): Promise<string> {
  for (const { path } of knownEmbedder.files) {
    await access(join(folder, path)).catch((cause: unknown) => {
      const message =
        `The embedding model is not complete: ${join(folder, path)} is missing. ` +
        'Install it with: npx lbi doctor --fix (from a checkout: npm run setup)';
      throw new ModelError('operator', message, { cause });
    });
  }
  return fileSha256(join(folder, 'onnx', 'model_quantized.onnx'));
}

async function load(folder: string): Promise<FeatureExtractionPipeline> {
  const library = await import('@huggingface/transformers').catch((cause: unknown) => {
    const message =
      'Local embeddings need the package @huggingface/transformers, which is not installed. ' +
      'Install it with: npm install @huggingface/transformers';
    throw new ModelError('operator', message, { cause });
  });
  library.env.allowRemoteModels = false;
  try {
    return await library.pipeline('feature-extraction', resolve(folder), {
      local_files_only: true,
      dtype: 'q8',
      device: 'cpu',
      session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 },
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ModelError('operator', `The embedding model in ${folder} could not be loaded: ${reason}`, { cause });
  }
}
