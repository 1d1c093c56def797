/** PDF as text, page by page. What the file would run or fetch is neither run nor fetched. */
import { type DocumentText, type Heading, readPlain } from '../../core/document/text.ts';
import { LbiError } from '../../core/errors.ts';

export interface PdfText {
  text: DocumentText;
  /** Numbers of the pages without text. */
  blank: number[];
}

/** Throws an LbiError for what is no PDF, needs a password, or holds no text at all; its message goes on after the file's name. */
export const readPdf = async (bytes: Uint8Array, name: string): Promise<PdfText> => {
  const { getDocumentProxy } = await import('unpdf');
  const pdf = await getDocumentProxy(Uint8Array.from(bytes), {
    verbosity: 0,
  }).catch((cause: unknown) => {
    throw unreadable(cause);
  });
  try {
    const pages: string[] = [];
    for (let number = 1; number <= pdf.numPages; number += 1) {
      const page = await pdf.getPage(number);
      const { items } = await page.getTextContent();
      pages.push(textOf(items));
      page.cleanup();
    }
    const blank = pages.flatMap((text, index) => (text === '' ? [index + 1] : []));
    if (blank.length === pages.length)
      throw new LbiError('spec', `holds no text, only pictures of it; run: ocrmypdf in.pdf out.pdf`);
    return { text: joined(pages, (await titleOf(pdf)) ?? name), blank };
  } catch (error) {
    throw error instanceof LbiError ? error : unreadable(error);
  } finally {
    await pdf.loadingTask.destroy();
  }
};

const unreadable = (cause: unknown): LbiError => {
  const why = cause instanceof Error ? cause : new Error(String(cause));
  const message =
    why.name === 'PasswordException'
      ? `is encrypted; run: qpdf --decrypt --password=… in.pdf out.pdf`
      : `cannot be read as PDF (${why.message.slice(0, 120)})`;
  return new LbiError('spec', message, { cause });
};

/** Pieces of a line as they come; some end a line. */
const textOf = (items: object[]): string =>
  items
    .map((item) => {
      const text = 'str' in item && typeof item.str === 'string' ? item.str : '';
      return 'hasEOL' in item && item.hasEOL === true ? `${text}\n` : text;
    })
    .join('')
    .replaceAll('\0', '')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();

const joined = (pages: string[], title: string): DocumentText => {
  const starts: number[] = [];
  const headings: Heading[] = [];
  let whole = '';
  pages.forEach((page, index) => {
    starts.push(whole.length);
    headings.push({ offset: whole.length, title: `page ${index + 1}` });
    whole += index === pages.length - 1 ? page : `${page}\n\n`;
  });
  return { ...readPlain(whole, title), headings, pages: starts };
};

const titleOf = async (pdf: { getMetadata(): Promise<{ info: object }> }): Promise<string | undefined> => {
  const { info } = await pdf.getMetadata().catch(() => ({ info: {} }));
  const title = 'Title' in info && typeof info.Title === 'string' ? info.Title.trim() : '';
  return title === '' || /^(?:untitled|microsoft word|about:blank)/i.test(title) ? undefined : title;
};
