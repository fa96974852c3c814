/*
 * wd_topic.h - names of bus topics, from wd_topics.def.
 */
#ifndef WD_TOPIC_H
#define WD_TOPIC_H

typedef enum {
#define WD_TOPIC(id, name, version, help) WD_TOPIC_##id,
#include "wd_topics.def"
#undef WD_TOPIC
    WD_TOPIC_COUNT
} wd_topic_e;

static inline const char *
wd_topic_name(wd_topic_e topic)
{
    static const char *const names[] = {
#define WD_TOPIC(id, name, version, help) name,
#include "wd_topics.def"
#undef WD_TOPIC
    };

    return names[topic];
}

#endif /* WD_TOPIC_H */
