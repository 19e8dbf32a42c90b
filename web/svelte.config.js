// Runes everywhere; styles go to the one CSS file.
export default { compilerOptions: { runes: true } };
