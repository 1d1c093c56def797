/** Where payloads are encrypted: a failure's message and stack become a payload too, instead of plain text beside one. */
import { DefaultFailureConverter } from '@temporalio/common';

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
