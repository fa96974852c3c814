/*
 * wd_xml_scan.h - XML read tag by tag, so that what stands before a damage is
 * not lost with it.
 *
 * It takes what data is sent in: elements, attributes, text, comments, one
 * declaration. It refuses the rest: document types, hence entities beyond the
 * five of the language and numbers, so that nothing can expand or be fetched;
 * CDATA; processing instructions; encodings other than UTF-8. Tags must match,
 * depth and names are bounded; memory is taken only for texts with
 * references, never more than they are long. Bytes are not checked for UTF-8.
 */
#ifndef WD_XML_SCAN_H
#define WD_XML_SCAN_H

#include "wd_err.h"
#include "wd_pool.h"

#define WD_XML_SCAN_DEPTH_MAX 16
#define WD_XML_SCAN_ATTRS_MAX 32
#define WD_XML_SCAN_NAME_MAX 64

typedef enum { WD_XML_OPEN, WD_XML_CLOSE, WD_XML_TEXT } wd_xml_scan_e;

typedef struct {
    wd_str_t name;
    wd_str_t value;
} wd_xml_scan_attr_t;

typedef struct {
    const char *start;
    const char *p;
    const char *end;
    const char *at; /* where the event begins */
    int         depth; /* elements that are open */
    bool        root_seen;
    bool        close_due; /* of an element that was opened by <a/> */

    /* The event. Names are as they stand there, with their prefix. */
    wd_xml_scan_e      event;
    wd_str_t           name; /* of OPEN and CLOSE */
    wd_str_t           text; /* of TEXT; may be blanks only */
    size_t             n_attrs; /* of OPEN */
    wd_xml_scan_attr_t attrs[WD_XML_SCAN_ATTRS_MAX];

    wd_str_t open[WD_XML_SCAN_DEPTH_MAX];
} wd_xml_scan_t;

void wd_xml_scan_init(wd_xml_scan_t *s, wd_str_t body);

/*
 * The next event. <a/> gives OPEN and CLOSE. WD_OK; WD_ENOTFOUND: behind the
 * end of the whole document; WD_ETRUNC: it ends too early; WD_EPROTO;
 * WD_ENOMEM. The last three leave s->at where they came up.
 */
wd_must_check int wd_xml_scan_next(wd_xml_scan_t *s, wd_pool_t *pool);

/* The value of an attribute of the event, or NULL. */
wd_str_t wd_xml_scan_attr(const wd_xml_scan_t *s, const char *name);

/*
 * Goes on at the next `<name` behind `from`, as a child of the root, whatever
 * stood before it. False: there is none.
 */
bool wd_xml_scan_resume(wd_xml_scan_t *s, wd_str_t name, const char *from);

#endif /* WD_XML_SCAN_H */
