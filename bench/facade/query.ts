/** The query that a read of a patient sends; each serial has a control id of its own. */
export function queryOf(
  serial: number,
  number: string,
): { readonly message: Buffer; readonly controlId: string } {
  const controlId = `B${serial}`;
  const message = Buffer.from(
    `MSH|^~\\&|FICUS|GATE|HOSPIX|MAIN|20260301083000||QBP^Q22^QBP_Q21|${controlId}|P|2.5||||||UNICODE UTF-8\r` +
      `QPD|IHE PDQ Query|Q${serial}|@PID.3.1^${number}~@PID.3.4^HOSP\rRCP|I\r`,
  );
  return { message, controlId };
}
