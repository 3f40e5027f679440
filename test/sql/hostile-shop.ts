import { shopMasks, type MaskList } from './planned-shop.ts';

/** Canaries as they are, upside down, in hex and in base64; raw social security numbers, salaries and cities; files, keys and passwords. */
export const leaks = /canary|yranac|63616e617279|Y2FuYXJ5|street-|\d{3}-\d{2}-4\d{3}|\b\d{5}\.50\b|root:x:|a-key-of-tests|Köln|Kraków|SCRAM-SHA-256\$/i;
/** The shop's masks, and those of what `hostile.sql` adds. */
export const hostileMasks: MaskList = [...shopMasks, ['public.right_parent.token', { type: 'Redact' }]];
