/** What is known of accessibility roles: which can be acted on, which are only structure, and how they are written. */

/** Roles that take a click. */
export const INTERACTIVE = new Set(
  'button link checkbox radio switch tab menuitem menuitemcheckbox menuitemradio option treeitem textbox searchbox combobox listbox slider spinbutton scrollbar gridcell colorwell date datetime inputtime disclosuretriangle popupbutton togglebutton'.split(
    ' ',
  ),
);

/** Roles in which text is typed. */
export const EDITABLE = new Set(
  'textbox searchbox combobox spinbutton date datetime inputtime slider colorwell'.split(' '),
);

/** Roles named by the text beside them when the page names them not. */
export const NAMED_BY_NEIGHBOUR = new Set([...EDITABLE, 'checkbox', 'radio', 'switch', 'listbox']);

/** Never shown. */
export const SKIPPED = new Set('inlinetextbox linebreak listmarker menulistpopup rubyannotation'.split(' '));

/** Worth a line of their own even without a name. */
export const STRUCTURE = new Set(
  'list listitem table row cell columnheader rowheader grid gridcell form navigation main banner contentinfo complementary dialog alertdialog alert status article heading toolbar menu menubar tablist tabpanel tree radiogroup search iframe figure blockquote term definition progressbar meter canvas video audio listbox'.split(
    ' ',
  ),
);

/** Shown when they have a name. */
export const WHEN_NAMED = new Set(
  'img region group application feed marquee log timer tooltip note math document'.split(' '),
);

const RENAMED = new Map([
  ['image', 'img'],
  ['descriptionlist', 'list'],
  ['descriptionlistterm', 'term'],
  ['descriptionlistdetail', 'definition'],
  ['disclosuretriangle', 'button'],
  ['popupbutton', 'button'],
  ['togglebutton', 'button'],
  ['graphicssymbol', 'img'],
  ['graphicsobject', 'img'],
  ['graphicsdocument', 'img'],
  ['svgroot', 'img'],
  ['layouttable', 'generic'],
  ['layouttablerow', 'generic'],
  ['layouttablecell', 'generic'],
  ['layoutcell', 'generic'],
  ['colorwell', 'color'],
  ['inputtime', 'time'],
  ['details', 'group'],
]);

/** The role as it is written, lower-case and in ARIA's words. */
export const writtenRole = (role: string): string => {
  const plain = role.toLowerCase().replaceAll('-', '');
  return RENAMED.get(plain) ?? plain;
};

/** Tags that do not break a line of text. */
export const INLINE_TAGS = new Set(
  'SPAN B I EM STRONG CODE SMALL SUB SUP MARK ABBR TIME LABEL FONT U S KBD Q CITE VAR INS DEL BDI BDO TT DFN SAMP DATA'.split(
    ' ',
  ),
);
