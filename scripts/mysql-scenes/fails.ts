/** The scene wants the error. */
export const fails = async (query: Promise<unknown>): Promise<void> => {
  const error = await query.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error === null) throw new Error('this was to fail');
};
