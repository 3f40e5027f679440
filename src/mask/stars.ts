/** What stands for whatever is hidden: of one length, so that it does not tell how much was hidden. */
export const stars = '****';
