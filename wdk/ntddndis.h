/*
 * NDIS's numbers: object types and revisions, OIDs, status codes, flags and enumerations, the subset that a layer 3
 * miniport, its NDIS and the tests' miniports meet. Every line is checked against wdk/constants.tsv by
 * tests/unit/layout.py. Included by ndis.h; no state, no functions.
 */
#ifndef NTDDNDIS_H
#define NTDDNDIS_H

#include "ntdef.h"

typedef int NDIS_STATUS, *PNDIS_STATUS;
typedef ULONG NDIS_OID, *PNDIS_OID;
typedef ULONG NDIS_PORT_NUMBER, *PNDIS_PORT_NUMBER;
typedef PVOID NDIS_HANDLE, *PNDIS_HANDLE;

/* Object header types. Page: "NDIS_OBJECT_HEADER structure". */
#define NDIS_OBJECT_TYPE_BIND_PARAMETERS                             0x86
#define NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT                        0xa9
#define NDIS_OBJECT_TYPE_DEFAULT                                     0x80
#define NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES                    0x85
#define NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES         0x9f
#define NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES 0xaf
#define NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES             0xb3
#define NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES         0xa0
#define NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES    0x9e
#define NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES 0xa4
#define NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS             0x8a
#define NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS                    0x81
#define NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS                0x92
#define NDIS_OBJECT_TYPE_MINIPORT_SS_CHARACTERISTICS                 0xb4
#define NDIS_OBJECT_TYPE_OFFLOAD                                     0xa7
#define NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION                       0xa8
#define NDIS_OBJECT_TYPE_OID_REQUEST                                 0x96
#define NDIS_OBJECT_TYPE_RESTART_GENERAL_ATTRIBUTES                  0xa2
#define NDIS_OBJECT_TYPE_RSS_CAPABILITIES                            0x88
#define NDIS_OBJECT_TYPE_STATUS_INDICATION                           0x98
#define NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS                       0x97

/* Revisions of the structures below. */
#define NDIS_CONFIGURATION_OBJECT_REVISION_1                        0x1
#define NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1                    0x1
#define NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1             0x1
#define NDIS_LINK_PARAMETERS_REVISION_1                             0x1
#define NDIS_LINK_STATE_REVISION_1                                  0x1
#define NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1         0x1
#define NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2         0x2
#define NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1         0x1
#define NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1    0x1
#define NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_2    0x2
#define NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1 0x1
#define NDIS_MINIPORT_PNP_CHARACTERISTICS_REVISION_1                0x1
#define NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1             0x1
#define NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2             0x2
#define NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3             0x3
#define NDIS_MINIPORT_INIT_PARAMETERS_REVISION_1                    0x1
#define NDIS_MINIPORT_PAUSE_PARAMETERS_REVISION_1                   0x1
#define NDIS_MINIPORT_RESTART_PARAMETERS_REVISION_1                 0x1
#define NDIS_OBJECT_REVISION_1                                      0x1
#define NDIS_OFFLOAD_ENCAPSULATION_REVISION_1                       0x1
#define NDIS_OFFLOAD_PARAMETERS_REVISION_1                          0x1
#define NDIS_OFFLOAD_PARAMETERS_REVISION_2                          0x2
#define NDIS_OFFLOAD_PARAMETERS_REVISION_3                          0x3
#define NDIS_OFFLOAD_PARAMETERS_REVISION_4                          0x4
#define NDIS_OFFLOAD_PARAMETERS_REVISION_5                          0x5
#define NDIS_OFFLOAD_PARAMETERS_REVISION_6                          0x6
#define NDIS_OFFLOAD_REVISION_1                                     0x1
#define NDIS_OFFLOAD_REVISION_2                                     0x2
#define NDIS_OFFLOAD_REVISION_3                                     0x3
#define NDIS_OFFLOAD_REVISION_4                                     0x4
#define NDIS_OFFLOAD_REVISION_5                                     0x5
#define NDIS_OFFLOAD_REVISION_6                                     0x6
#define NDIS_OFFLOAD_REVISION_7                                     0x7
#define NDIS_OFFLOAD_REVISION_8                                     0x8
#define NDIS_OID_REQUEST_REVISION_1                                 0x1
#define NDIS_OID_REQUEST_REVISION_2                                 0x2
#define NDIS_OPER_STATE_REVISION_1                                  0x1
#define NDIS_PM_CAPABILITIES_REVISION_1                             0x1
#define NDIS_PM_CAPABILITIES_REVISION_2                             0x2
#define NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_1                  0x1
#define NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_2                  0x2
#define NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_3                  0x3
#define NDIS_RESTART_GENERAL_ATTRIBUTES_REVISION_1                  0x1
#define NDIS_RESTART_GENERAL_ATTRIBUTES_REVISION_2                  0x2
#define NDIS_RSC_STATISTICS_REVISION_1                              0x1
#define NDIS_STATISTICS_INFO_REVISION_1                             0x1
#define NDIS_STATUS_INDICATION_REVISION_1                           0x1
#define NDIS_TCP_CONNECTION_OFFLOAD_REVISION_1                      0x1
#define NDIS_TCP_CONNECTION_OFFLOAD_REVISION_2                      0x2
#define NDIS_TIMER_CHARACTERISTICS_REVISION_1                       0x1
#define NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1                  0x1
#define NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2                  0x2
#define NET_BUFFER_POOL_PARAMETERS_REVISION_1                       0x1
#define NET_BUFFER_POOL_PARAMETERS_REVISION_2                       0x2
#define NET_DEVICE_PNP_EVENT_REVISION_1                             0x1

/* NdisGetVersion's values. 688 and 689 are extrapolated from the pattern, in no source seen. */
#define NDIS_RUNTIME_VERSION_60  0x60000
#define NDIS_RUNTIME_VERSION_61  0x60001
#define NDIS_RUNTIME_VERSION_620 0x60014
#define NDIS_RUNTIME_VERSION_630 0x6001e
#define NDIS_RUNTIME_VERSION_640 0x60028
#define NDIS_RUNTIME_VERSION_650 0x60032
#define NDIS_RUNTIME_VERSION_651 0x60033
#define NDIS_RUNTIME_VERSION_660 0x6003c
#define NDIS_RUNTIME_VERSION_670 0x60046
#define NDIS_RUNTIME_VERSION_680 0x60050
#define NDIS_RUNTIME_VERSION_681 0x60051
#define NDIS_RUNTIME_VERSION_682 0x60052
#define NDIS_RUNTIME_VERSION_683 0x60053
#define NDIS_RUNTIME_VERSION_684 0x60054
#define NDIS_RUNTIME_VERSION_685 0x60055
#define NDIS_RUNTIME_VERSION_686 0x60056
#define NDIS_RUNTIME_VERSION_687 0x60057
#define NDIS_RUNTIME_VERSION_688 0x60058
#define NDIS_RUNTIME_VERSION_689 0x60059

/* OIDs every miniport meets. Page: "General Objects", "Power Management OIDs". */
#define OID_GEN_ADMIN_STATUS                      0x10288
#define OID_GEN_ALIAS                             0x10289
#define OID_GEN_BROADCAST_BYTES_RCV               0x2020b
#define OID_GEN_BROADCAST_BYTES_XMIT              0x20205
#define OID_GEN_BROADCAST_FRAMES_RCV              0x2020c
#define OID_GEN_BROADCAST_FRAMES_XMIT             0x20206
#define OID_GEN_BYTES_RCV                         0x20219
#define OID_GEN_BYTES_XMIT                        0x2021a
#define OID_GEN_CURRENT_LOOKAHEAD                 0x1010f
#define OID_GEN_CURRENT_PACKET_FILTER             0x1010e
#define OID_GEN_DEVICE_PROFILE                    0x20212
#define OID_GEN_DIRECTED_BYTES_RCV                0x20207
#define OID_GEN_DIRECTED_BYTES_XMIT               0x20201
#define OID_GEN_DIRECTED_FRAMES_RCV               0x20208
#define OID_GEN_DIRECTED_FRAMES_XMIT              0x20202
#define OID_GEN_DISCONTINUITY_TIME                0x10282
#define OID_GEN_DRIVER_VERSION                    0x10110
#define OID_GEN_ENUMERATE_PORTS                   0x1020d
#define OID_GEN_FRIENDLY_NAME                     0x20216
#define OID_GEN_GET_NETCARD_TIME                  0x20210
#define OID_GEN_GET_TIME_CAPS                     0x2020f
#define OID_GEN_HARDWARE_STATUS                   0x10102
#define OID_GEN_INIT_TIME_MS                      0x20213
#define OID_GEN_INTERFACE_INFO                    0x10287
#define OID_GEN_INTERRUPT_MODERATION              0x10209
#define OID_GEN_IP_OPER_STATUS                    0x1028d
#define OID_GEN_ISOLATION_PARAMETERS              0x10300
#define OID_GEN_LAST_CHANGE                       0x10281
#define OID_GEN_LINK_PARAMETERS                   0x10208
#define OID_GEN_LINK_SPEED                        0x10107
#define OID_GEN_LINK_SPEED_EX                     0x1028b
#define OID_GEN_LINK_STATE                        0x10207
#define OID_GEN_MACHINE_NAME                      0x1021a
#define OID_GEN_MAC_ADDRESS                       0x10205
#define OID_GEN_MAC_OPTIONS                       0x10113
#define OID_GEN_MAXIMUM_FRAME_SIZE                0x10106
#define OID_GEN_MAXIMUM_LOOKAHEAD                 0x10105
#define OID_GEN_MAXIMUM_SEND_PACKETS              0x10115
#define OID_GEN_MAXIMUM_TOTAL_SIZE                0x10111
#define OID_GEN_MAX_LINK_SPEED                    0x10206
#define OID_GEN_MEDIA_CAPABILITIES                0x10201
#define OID_GEN_MEDIA_CONNECT_STATUS              0x10114
#define OID_GEN_MEDIA_CONNECT_STATUS_EX           0x1028a
#define OID_GEN_MEDIA_DUPLEX_STATE                0x1028c
#define OID_GEN_MEDIA_IN_USE                      0x10104
#define OID_GEN_MEDIA_SENSE_COUNTS                0x20215
#define OID_GEN_MEDIA_SUPPORTED                   0x10103
#define OID_GEN_MINIPORT_RESTART_ATTRIBUTES       0x1021d
#define OID_GEN_MULTICAST_BYTES_RCV               0x20209
#define OID_GEN_MULTICAST_BYTES_XMIT              0x20203
#define OID_GEN_MULTICAST_FRAMES_RCV              0x2020a
#define OID_GEN_MULTICAST_FRAMES_XMIT             0x20204
#define OID_GEN_NETCARD_LOAD                      0x20211
#define OID_GEN_NETWORK_LAYER_ADDRESSES           0x10118
#define OID_GEN_OPERATIONAL_STATUS                0x10283
#define OID_GEN_PACKET_MONITOR                    0x102d1
#define OID_GEN_PCI_DEVICE_CUSTOM_PROPERTIES      0x10211
#define OID_GEN_PHYSICAL_MEDIUM                   0x10202
#define OID_GEN_PHYSICAL_MEDIUM_EX                0x10213
#define OID_GEN_PORT_AUTHENTICATION_PARAMETERS    0x1020f
#define OID_GEN_PORT_STATE                        0x1020e
#define OID_GEN_PROMISCUOUS_MODE                  0x10280
#define OID_GEN_PROTOCOL_OPTIONS                  0x10112
#define OID_GEN_RCV_CRC_ERROR                     0x2020d
#define OID_GEN_RCV_DISCARDS                      0x2021b
#define OID_GEN_RCV_ERROR                         0x20104
#define OID_GEN_RCV_LINK_SPEED                    0x10285
#define OID_GEN_RCV_NO_BUFFER                     0x20105
#define OID_GEN_RCV_OK                            0x20102
#define OID_GEN_RECEIVE_BLOCK_SIZE                0x1010b
#define OID_GEN_RECEIVE_BUFFER_SPACE              0x10109
#define OID_GEN_RECEIVE_HASH                      0x1021f
#define OID_GEN_RECEIVE_SCALE_CAPABILITIES        0x10203
#define OID_GEN_RECEIVE_SCALE_PARAMETERS          0x10204
#define OID_GEN_RECEIVE_SCALE_PARAMETERS_V2       0x10214
#define OID_GEN_RESET_COUNTS                      0x20214
#define OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES 0x102c0
#define OID_GEN_STATISTICS                        0x20106
#define OID_GEN_SUPPORTED_GUIDS                   0x10117
#define OID_GEN_SUPPORTED_LIST                    0x10101
#define OID_GEN_TIMEOUT_DPC_REQUEST_CAPABILITIES  0x10210
#define OID_GEN_TRANSMIT_BLOCK_SIZE               0x1010a
#define OID_GEN_TRANSMIT_BUFFER_SPACE             0x10108
#define OID_GEN_TRANSMIT_QUEUE_LENGTH             0x2020e
#define OID_GEN_TRANSPORT_HEADER_OFFSET           0x10119
#define OID_GEN_UNKNOWN_PROTOS                    0x10286
#define OID_GEN_VENDOR_DESCRIPTION                0x1010d
#define OID_GEN_VENDOR_DRIVER_VERSION             0x10116
#define OID_GEN_VENDOR_ID                         0x1010c
#define OID_GEN_VLAN_ID                           0x1021c
#define OID_GEN_XMIT_DISCARDS                     0x2021c
#define OID_GEN_XMIT_ERROR                        0x20103
#define OID_GEN_XMIT_LINK_SPEED                   0x10284
#define OID_GEN_XMIT_OK                           0x20101
#define OID_PM_ADD_PROTOCOL_OFFLOAD               0xfd01010d
#define OID_PM_ADD_WOL_PATTERN                    0xfd01010a
#define OID_PM_CURRENT_CAPABILITIES               0xfd010107
#define OID_PM_GET_PROTOCOL_OFFLOAD               0xfd01010e
#define OID_PM_HARDWARE_CAPABILITIES              0xfd010108
#define OID_PM_PARAMETERS                         0xfd010109
#define OID_PM_PROTOCOL_OFFLOAD_LIST              0xfd010110
#define OID_PM_REMOVE_PROTOCOL_OFFLOAD            0xfd01010f
#define OID_PM_REMOVE_WOL_PATTERN                 0xfd01010b
#define OID_PM_WOL_PATTERN_LIST                   0xfd01010c
#define OID_PNP_ADD_WAKE_UP_PATTERN               0xfd010103
#define OID_PNP_CAPABILITIES                      0xfd010100
#define OID_PNP_ENABLE_WAKE_UP                    0xfd010106
#define OID_PNP_QUERY_POWER                       0xfd010102
#define OID_PNP_REMOVE_WAKE_UP_PATTERN            0xfd010104
#define OID_PNP_SET_POWER                         0xfd010101
#define OID_PNP_WAKE_UP_ERROR                     0xfd020201
#define OID_PNP_WAKE_UP_OK                        0xfd020200
#define OID_PNP_WAKE_UP_PATTERN_LIST              0xfd010105

/* OIDs of offloads. Page: "TCP/IP Offload Overview".  */
#define OID_OFFLOAD_ENCAPSULATION                        0x101010a
#define OID_TCP_CONNECTION_OFFLOAD_CURRENT_CONFIG        0xfc01020e
#define OID_TCP_CONNECTION_OFFLOAD_HARDWARE_CAPABILITIES 0xfc01020f
#define OID_TCP_CONNECTION_OFFLOAD_PARAMETERS            0xfc030201
#define OID_TCP_OFFLOAD_CURRENT_CONFIG                   0xfc01020b
#define OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES            0xfc01020d
#define OID_TCP_OFFLOAD_PARAMETERS                       0xfc01020c
#define OID_TCP_RSC_STATISTICS                           0x2021d
#define OID_TCP_TASK_OFFLOAD                             0xfc010201

/* OIDs of Ethernet, which other miniports (tests) may ask about. */
#define OID_802_3_ADD_MULTICAST_ADDRESS    0x1010208
#define OID_802_3_CURRENT_ADDRESS          0x1010102
#define OID_802_3_DELETE_MULTICAST_ADDRESS 0x1010209
#define OID_802_3_MAC_OPTIONS              0x1010105
#define OID_802_3_MAXIMUM_LIST_SIZE        0x1010104
#define OID_802_3_MULTICAST_LIST           0x1010103
#define OID_802_3_PERMANENT_ADDRESS        0x1010101
#define OID_802_3_RCV_ERROR_ALIGNMENT      0x1020101
#define OID_802_3_RCV_OVERRUN              0x1020203
#define OID_802_3_XMIT_DEFERRED            0x1020201
#define OID_802_3_XMIT_HEARTBEAT_FAILURE   0x1020205
#define OID_802_3_XMIT_LATE_COLLISIONS     0x1020207
#define OID_802_3_XMIT_MAX_COLLISIONS      0x1020202
#define OID_802_3_XMIT_MORE_COLLISIONS     0x1020103
#define OID_802_3_XMIT_ONE_COLLISION       0x1020102
#define OID_802_3_XMIT_TIMES_CRS_LOST      0x1020206
#define OID_802_3_XMIT_UNDERRUN            0x1020204

/* Status codes. Page: "NDIS_STATUS values"; NDIS_STATUS_INVALID_OID is 0xC0010017, not STATUS_NDIS_INVALID_OID. */
#define NDIS_STATUS_ADAPTER_NOT_FOUND                            ((NDIS_STATUS)0xc0010006)
#define NDIS_STATUS_ADAPTER_NOT_OPEN                             ((NDIS_STATUS)0xc0010012)
#define NDIS_STATUS_ADAPTER_NOT_READY                            ((NDIS_STATUS)0xc0010011)
#define NDIS_STATUS_ADAPTER_REMOVED                              ((NDIS_STATUS)0xc0010018)
#define NDIS_STATUS_ALREADY_MAPPED                               ((NDIS_STATUS)0xc001001d)
#define NDIS_STATUS_BAD_CHARACTERISTICS                          ((NDIS_STATUS)0xc0010005)
#define NDIS_STATUS_BAD_VERSION                                  ((NDIS_STATUS)0xc0010004)
#define NDIS_STATUS_BUFFER_OVERFLOW                              ((NDIS_STATUS)0x80000005)
#define NDIS_STATUS_BUFFER_TOO_SHORT                             ((NDIS_STATUS)0xc0010016)
#define NDIS_STATUS_CLOSED                                       ((NDIS_STATUS)0x40010007)
#define NDIS_STATUS_CLOSING                                      ((NDIS_STATUS)0xc0010002)
#define NDIS_STATUS_CLOSING_INDICATING                           ((NDIS_STATUS)0xc001000e)
#define NDIS_STATUS_DEVICE_FAILED                                ((NDIS_STATUS)0xc0010008)
#define NDIS_STATUS_ERROR_READING_FILE                           ((NDIS_STATUS)0xc001001c)
#define NDIS_STATUS_FAILURE                                      ((NDIS_STATUS)0xc0000001)
#define NDIS_STATUS_FILE_NOT_FOUND                               ((NDIS_STATUS)0xc001001b)
#define NDIS_STATUS_HARDWARE_LINE_DOWN                           ((NDIS_STATUS)0x4001000e)
#define NDIS_STATUS_HARDWARE_LINE_UP                             ((NDIS_STATUS)0x4001000d)
#define NDIS_STATUS_HARD_ERRORS                                  ((NDIS_STATUS)0x80010004)
#define NDIS_STATUS_INDICATION_REQUIRED                          ((NDIS_STATUS)0x40230001)
#define NDIS_STATUS_INTERFACE_DOWN                               ((NDIS_STATUS)0x40010010)
#define NDIS_STATUS_INTERFACE_NOT_FOUND                          ((NDIS_STATUS)0xc023002b)
#define NDIS_STATUS_INTERFACE_UP                                 ((NDIS_STATUS)0x4001000f)
#define NDIS_STATUS_INVALID_ADDRESS                              ((NDIS_STATUS)0xc0010022)
#define NDIS_STATUS_INVALID_DATA                                 ((NDIS_STATUS)0xc0010015)
#define NDIS_STATUS_INVALID_DEVICE_REQUEST                       ((NDIS_STATUS)0xc0000010)
#define NDIS_STATUS_INVALID_LENGTH                               ((NDIS_STATUS)0xc0010014)
#define NDIS_STATUS_INVALID_OID                                  ((NDIS_STATUS)0xc0010017)
#define NDIS_STATUS_INVALID_PACKET                               ((NDIS_STATUS)0xc001000f)
#define NDIS_STATUS_INVALID_PARAMETER                            ((NDIS_STATUS)0xc000000d)
#define NDIS_STATUS_INVALID_PORT                                 ((NDIS_STATUS)0xc023002d)
#define NDIS_STATUS_INVALID_PORT_STATE                           ((NDIS_STATUS)0xc023002e)
#define NDIS_STATUS_INVALID_STATE                                ((NDIS_STATUS)0xc0000184)
#define NDIS_STATUS_IP_OPER_STATUS                               ((NDIS_STATUS)0x40010026)
#define NDIS_STATUS_LINK_SPEED_CHANGE                            ((NDIS_STATUS)0x40010013)
#define NDIS_STATUS_LINK_STATE                                   ((NDIS_STATUS)0x40010017)
#define NDIS_STATUS_LOW_POWER_STATE                              ((NDIS_STATUS)0xc023002f)
#define NDIS_STATUS_MEDIA_BUSY                                   ((NDIS_STATUS)0x40010011)
#define NDIS_STATUS_MEDIA_CONNECT                                ((NDIS_STATUS)0x4001000b)
#define NDIS_STATUS_MEDIA_DISCONNECT                             ((NDIS_STATUS)0x4001000c)
#define NDIS_STATUS_MEDIA_DISCONNECTED                           ((NDIS_STATUS)0xc023001f)
#define NDIS_STATUS_MEDIA_SPECIFIC_INDICATION                    ((NDIS_STATUS)0x40010012)
#define NDIS_STATUS_MEDIA_SPECIFIC_INDICATION_EX                 ((NDIS_STATUS)0x40010019)
#define NDIS_STATUS_MULTICAST_EXISTS                             ((NDIS_STATUS)0xc001000a)
#define NDIS_STATUS_MULTICAST_FULL                               ((NDIS_STATUS)0xc0010009)
#define NDIS_STATUS_MULTICAST_NOT_FOUND                          ((NDIS_STATUS)0xc001000b)
#define NDIS_STATUS_NETWORK_CHANGE                               ((NDIS_STATUS)0x40010018)
#define NDIS_STATUS_NETWORK_UNREACHABLE                          ((NDIS_STATUS)0xc000023c)
#define NDIS_STATUS_NOT_ACCEPTED                                 ((NDIS_STATUS)0x10003)
#define NDIS_STATUS_NOT_COPIED                                   ((NDIS_STATUS)0x10002)
#define NDIS_STATUS_NOT_INDICATING                               ((NDIS_STATUS)0xc0010013)
#define NDIS_STATUS_NOT_RECOGNIZED                               ((NDIS_STATUS)0x10001)
#define NDIS_STATUS_NOT_RESETTABLE                               ((NDIS_STATUS)0x80010001)
#define NDIS_STATUS_NOT_SUPPORTED                                ((NDIS_STATUS)0xc00000bb)
#define NDIS_STATUS_NO_CABLE                                     ((NDIS_STATUS)0xc001001f)
#define NDIS_STATUS_OFFLOAD_ENCASPULATION_CHANGE                 ((NDIS_STATUS)0x40020008)
#define NDIS_STATUS_ONLINE                                       ((NDIS_STATUS)0x40010003)
#define NDIS_STATUS_OPEN_FAILED                                  ((NDIS_STATUS)0xc0010007)
#define NDIS_STATUS_OPEN_LIST_FULL                               ((NDIS_STATUS)0xc0010010)
#define NDIS_STATUS_OPER_STATUS                                  ((NDIS_STATUS)0x40010023)
#define NDIS_STATUS_PACKET_FILTER                                ((NDIS_STATUS)0x40010024)
#define NDIS_STATUS_PAUSED                                       ((NDIS_STATUS)0xc023002a)
#define NDIS_STATUS_PENDING                                      ((NDIS_STATUS)0x103)
#define NDIS_STATUS_PM_CAPABILITIES_CHANGE                       ((NDIS_STATUS)0x40030053)
#define NDIS_STATUS_PM_HARDWARE_CAPABILITIES                     ((NDIS_STATUS)0x40030054)
#define NDIS_STATUS_PM_OFFLOAD_REJECTED                          ((NDIS_STATUS)0x40030052)
#define NDIS_STATUS_PM_PROTOCOL_OFFLOAD_LIST_FULL                ((NDIS_STATUS)0xc0232004)
#define NDIS_STATUS_PM_WAKE_REASON                               ((NDIS_STATUS)0x40030055)
#define NDIS_STATUS_PM_WOL_PATTERN_LIST_FULL                     ((NDIS_STATUS)0xc0232003)
#define NDIS_STATUS_PM_WOL_PATTERN_REJECTED                      ((NDIS_STATUS)0x40030051)
#define NDIS_STATUS_PORT_STATE                                   ((NDIS_STATUS)0x40010022)
#define NDIS_STATUS_RECEIVE_QUEUE_STATE                          ((NDIS_STATUS)0x4002000d)
#define NDIS_STATUS_REQUEST_ABORTED                              ((NDIS_STATUS)0xc001000c)
#define NDIS_STATUS_RESET_END                                    ((NDIS_STATUS)0x40010005)
#define NDIS_STATUS_RESET_IN_PROGRESS                            ((NDIS_STATUS)0xc001000d)
#define NDIS_STATUS_RESET_START                                  ((NDIS_STATUS)0x40010004)
#define NDIS_STATUS_RESOURCES                                    ((NDIS_STATUS)0xc000009a)
#define NDIS_STATUS_RESOURCE_CONFLICT                            ((NDIS_STATUS)0xc001001e)
#define NDIS_STATUS_SEND_ABORTED                                 ((NDIS_STATUS)0xc023000c)
#define NDIS_STATUS_SOFT_ERRORS                                  ((NDIS_STATUS)0x80010003)
#define NDIS_STATUS_SUCCESS                                      ((NDIS_STATUS)0x0)
#define NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG                  ((NDIS_STATUS)0x40020006)
#define NDIS_STATUS_TASK_OFFLOAD_HARDWARE_CAPABILITIES           ((NDIS_STATUS)0x40020007)
#define NDIS_STATUS_TCP_CONNECTION_OFFLOAD_HARDWARE_CAPABILITIES ((NDIS_STATUS)0x4002000b)
#define NDIS_STATUS_UNSUPPORTED_MEDIA                            ((NDIS_STATUS)0xc0010019)
#define NDIS_STATUS_UNSUPPORTED_REVISION                         ((NDIS_STATUS)0xc023002c)

/* Page: "NDIS_STATUS_INDICATION structure". */
#define NDIS_STATUS_INDICATION_FLAGS_MEDIA_CONNECT_TO_CONNECT 0x1000

/* Packet filters. Page: "OID_GEN_CURRENT_PACKET_FILTER". */
#define NDIS_PACKET_TYPE_ALL_FUNCTIONAL 0x2000
#define NDIS_PACKET_TYPE_ALL_LOCAL      0x80
#define NDIS_PACKET_TYPE_ALL_MULTICAST  0x4
#define NDIS_PACKET_TYPE_BROADCAST      0x8
#define NDIS_PACKET_TYPE_DIRECTED       0x1
#define NDIS_PACKET_TYPE_FUNCTIONAL     0x4000
#define NDIS_PACKET_TYPE_GROUP          0x1000
#define NDIS_PACKET_TYPE_MAC_FRAME      0x8000
#define NDIS_PACKET_TYPE_MULTICAST      0x2
#define NDIS_PACKET_TYPE_NO_LOCAL       0x10000
#define NDIS_PACKET_TYPE_PROMISCUOUS    0x20
#define NDIS_PACKET_TYPE_SMT            0x40
#define NDIS_PACKET_TYPE_SOURCE_ROUTING 0x10

/* MAC options. Page: "OID_GEN_MAC_OPTIONS". */
#define NDIS_MAC_OPTION_8021P_PRIORITY                 0x40
#define NDIS_MAC_OPTION_8021Q_VLAN                     0x200
#define NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA            0x1
#define NDIS_MAC_OPTION_EOTX_INDICATION                0x20
#define NDIS_MAC_OPTION_FULL_DUPLEX                    0x10
#define NDIS_MAC_OPTION_NO_LOOPBACK                    0x8
#define NDIS_MAC_OPTION_RECEIVE_AT_DPC                 0x100
#define NDIS_MAC_OPTION_RECEIVE_SERIALIZED             0x2
#define NDIS_MAC_OPTION_RESERVED                       0x80000000
#define NDIS_MAC_OPTION_SUPPORTS_MAC_ADDRESS_OVERWRITE 0x80
#define NDIS_MAC_OPTION_TRANSFERS_NOT_PEND             0x4

/* Adapter attributes. Page: "NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES structure". */
#define NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER                           0x40
#define NDIS_MINIPORT_ATTRIBUTES_CONTROLS_DEFAULT_PORT                0x80
#define NDIS_MINIPORT_ATTRIBUTES_DO_NOT_BIND_TO_ALL_CO                0x10
#define NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE                      0x1
#define NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM                             0x2
#define NDIS_MINIPORT_ATTRIBUTES_NOT_CO_NDIS                          0x8
#define NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND                   0x20
#define NDIS_MINIPORT_ATTRIBUTES_NO_OID_INTERCEPT_ON_NONDEFAULT_PORTS 0x200
#define NDIS_MINIPORT_ATTRIBUTES_NO_PAUSE_ON_SUSPEND                  0x100
#define NDIS_MINIPORT_ATTRIBUTES_REGISTER_BUGCHECK_CALLBACK           0x400
#define NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK                   0x4

/* Driver characteristics' flags. Page: "NDIS_MINIPORT_DRIVER_CHARACTERISTICS structure". */
#define NDIS_INTERMEDIATE_DRIVER 0x1
#define NDIS_WDM_DRIVER          0x2

/* Page: "NDIS_LINK_STATE structure". NDIS_LINK_SPEED_UNKNOWN is UNVERIFIED: an alias whose value no source states. */
#define NDIS_LINK_SPEED_UNKNOWN                         0xffffffffffffffff
#define NDIS_LINK_STATE_DUPLEX_AUTO_NEGOTIATED          0x4
#define NDIS_LINK_STATE_PAUSE_FUNCTIONS_AUTO_NEGOTIATED 0x8
#define NDIS_LINK_STATE_RCV_LINK_SPEED_AUTO_NEGOTIATED  0x2
#define NDIS_LINK_STATE_XMIT_LINK_SPEED_AUTO_NEGOTIATED 0x1

/* Pause reasons. Page: "NDIS_MINIPORT_PAUSE_PARAMETERS structure". */
#define NDIS_PAUSE_ATTACH_FILTER          0x10
#define NDIS_PAUSE_BIND_PROTOCOL          0x4
#define NDIS_PAUSE_DETACH_FILTER          0x20
#define NDIS_PAUSE_FILTER_RESTART_STACK   0x40
#define NDIS_PAUSE_LOW_POWER              0x2
#define NDIS_PAUSE_MINIPORT_DEVICE_REMOVE 0x80
#define NDIS_PAUSE_NDIS_INTERNAL          0x1
#define NDIS_PAUSE_UNBIND_PROTOCOL        0x8

/* Page: "NDIS_RESTART_GENERAL_ATTRIBUTES structure". */
#define NDIS_MAX_LOOKAHEAD_SIZE_ACCESSED_UNDEFINED                     0xffffffff
#define NDIS_RESTART_GENERAL_ATTRIBUTES_MAX_LOOKAHEAD_ACCESSED_DEFINED 0x1

/* Statistics a miniport keeps. Page: "NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES", "OID_GEN_STATISTICS". */
#define NDIS_STATISTICS_BROADCAST_BYTES_RCV_SUPPORTED     0x8000
#define NDIS_STATISTICS_BROADCAST_BYTES_XMIT_SUPPORTED    0x200
#define NDIS_STATISTICS_BROADCAST_FRAMES_RCV_SUPPORTED    0x10000
#define NDIS_STATISTICS_BROADCAST_FRAMES_XMIT_SUPPORTED   0x400
#define NDIS_STATISTICS_BYTES_RCV_SUPPORTED               0x80000
#define NDIS_STATISTICS_BYTES_XMIT_SUPPORTED              0x100000
#define NDIS_STATISTICS_DIRECTED_BYTES_RCV_SUPPORTED      0x800
#define NDIS_STATISTICS_DIRECTED_BYTES_XMIT_SUPPORTED     0x20
#define NDIS_STATISTICS_DIRECTED_FRAMES_RCV_SUPPORTED     0x1000
#define NDIS_STATISTICS_DIRECTED_FRAMES_XMIT_SUPPORTED    0x40
#define NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV   0x40000
#define NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT  0x200000
#define NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV  0x4
#define NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT 0x100
#define NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV             0x8
#define NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT            0x200
#define NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV    0x10000
#define NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT   0x80000
#define NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV   0x1
#define NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT  0x40
#define NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV   0x20000
#define NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT  0x100000
#define NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV  0x2
#define NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT 0x80
#define NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS          0x10
#define NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR             0x20
#define NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS         0x8000
#define NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR            0x400
#define NDIS_STATISTICS_GEN_STATISTICS_SUPPORTED          0x400000
#define NDIS_STATISTICS_MULTICAST_BYTES_RCV_SUPPORTED     0x2000
#define NDIS_STATISTICS_MULTICAST_BYTES_XMIT_SUPPORTED    0x80
#define NDIS_STATISTICS_MULTICAST_FRAMES_RCV_SUPPORTED    0x4000
#define NDIS_STATISTICS_MULTICAST_FRAMES_XMIT_SUPPORTED   0x100
#define NDIS_STATISTICS_RCV_CRC_ERROR_SUPPORTED           0x20000
#define NDIS_STATISTICS_RCV_DISCARDS_SUPPORTED            0x200000
#define NDIS_STATISTICS_RCV_ERROR_SUPPORTED               0x8
#define NDIS_STATISTICS_RCV_NO_BUFFER_SUPPORTED           0x10
#define NDIS_STATISTICS_RCV_OK_SUPPORTED                  0x2
#define NDIS_STATISTICS_TRANSMIT_QUEUE_LENGTH_SUPPORTED   0x40000
#define NDIS_STATISTICS_XMIT_DISCARDS_SUPPORTED           0x8000000
#define NDIS_STATISTICS_XMIT_ERROR_SUPPORTED              0x4
#define NDIS_STATISTICS_XMIT_OK_SUPPORTED                 0x1

/* Power. Page: "NDIS_PM_CAPABILITIES structure", "OID_PM_PARAMETERS". */
#define NDIS_PM_PROTOCOL_OFFLOAD_80211_RSN_REKEY_SUPPORTED 0x80
#define NDIS_PM_PROTOCOL_OFFLOAD_ARP_SUPPORTED             0x1
#define NDIS_PM_PROTOCOL_OFFLOAD_NS_SUPPORTED              0x2
#define NDIS_PM_SELECTIVE_SUSPEND_SUPPORTED                0x2
#define NDIS_PM_WAKE_ON_MEDIA_CONNECT_SUPPORTED            0x1
#define NDIS_PM_WAKE_ON_MEDIA_DISCONNECT_SUPPORTED         0x2
#define NDIS_PM_WAKE_PACKET_INDICATION_SUPPORTED           0x1
#define NDIS_PM_WOL_BITMAP_PATTERN_SUPPORTED               0x1
#define NDIS_PM_WOL_EAPOL_REQUEST_ID_MESSAGE_SUPPORTED     0x10000
#define NDIS_PM_WOL_IPV4_DEST_ADDR_WILDCARD_SUPPORTED      0x200
#define NDIS_PM_WOL_IPV4_TCP_SYN_SUPPORTED                 0x4
#define NDIS_PM_WOL_IPV6_DEST_ADDR_WILDCARD_SUPPORTED      0x800
#define NDIS_PM_WOL_IPV6_TCP_SYN_SUPPORTED                 0x8
#define NDIS_PM_WOL_MAGIC_PACKET_SUPPORTED                 0x2
#define NDIS_PNP_WAKE_UP_LINK_CHANGE                       0x4
#define NDIS_PNP_WAKE_UP_MAGIC_PACKET                      0x1
#define NDIS_PNP_WAKE_UP_PATTERN_MATCH                     0x2

/* Interrupt moderation. Page: "NDIS_INTERRUPT_MODERATION_PARAMETERS structure". */
#define NDIS_INTERRUPT_MODERATION_CHANGE_NEEDS_REINITIALIZE 0x2
#define NDIS_INTERRUPT_MODERATION_CHANGE_NEEDS_RESET        0x1

/* Flags of the data path. Page: "MiniportSendNetBufferLists", "NdisMIndicateReceiveNetBufferLists". */
#define NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL             0x1
#define NDIS_RECEIVE_FLAGS_MORE_NBLS                  0x2000
#define NDIS_RECEIVE_FLAGS_PERFECT_FILTERED           0x400
#define NDIS_RECEIVE_FLAGS_RESOURCES                  0x2
#define NDIS_RECEIVE_FLAGS_SHARED_MEMORY_INFO_VALID   0x1000
#define NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE          0x100
#define NDIS_RECEIVE_FLAGS_SINGLE_QUEUE               0x800
#define NDIS_RECEIVE_FLAGS_SINGLE_VLAN                0x200
#define NDIS_RECEIVE_FLAGS_SWITCH_DESTINATION_GROUP   0x4000
#define NDIS_RECEIVE_FLAGS_SWITCH_SINGLE_SOURCE       0x8000
#define NDIS_RETURN_FLAGS_DISPATCH_LEVEL              0x1
#define NDIS_RETURN_FLAGS_SINGLE_QUEUE                0x2
#define NDIS_RETURN_FLAGS_SWITCH_SINGLE_SOURCE        0x4
#define NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL       0x1
#define NDIS_SEND_COMPLETE_FLAGS_SINGLE_QUEUE         0x2
#define NDIS_SEND_COMPLETE_FLAGS_SWITCH_SINGLE_SOURCE 0x4
#define NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK            0x2
#define NDIS_SEND_FLAGS_DISPATCH_LEVEL                0x1
#define NDIS_SEND_FLAGS_SINGLE_QUEUE                  0x4
#define NDIS_SEND_FLAGS_SWITCH_DESTINATION_GROUP      0x10
#define NDIS_SEND_FLAGS_SWITCH_SINGLE_SOURCE          0x20

/* NET_BUFFER_LIST flags. Page: "NET_BUFFER_LIST structure", "NdisSetNblFlag". */
#define NBL_FLAGS_MINIPORT_RESERVED                          0xf000
#define NBL_FLAGS_NDIS_RESERVED                              0xffc
#define NBL_FLAGS_PROTOCOL_RESERVED                          0xfff00003
#define NBL_FLAGS_SCRATCH                                    0xf0000
#define NBL_PROT_RSVD_FLAGS                                  0xfff00003
#define NDIS_NBL_FLAGS_CAPTURE_TIMESTAMP_ON_TRANSMIT         0x10000
#define NDIS_NBL_FLAGS_HD_SPLIT                              0x100
#define NDIS_NBL_FLAGS_IS_IPV4                               0x200
#define NDIS_NBL_FLAGS_IS_IPV6                               0x400
#define NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET                    0x8000
#define NDIS_NBL_FLAGS_IS_TCP                                0x800
#define NDIS_NBL_FLAGS_IS_UDP                                0x1000
#define NDIS_NBL_FLAGS_RECV_READ_ONLY                        0x2
#define NDIS_NBL_FLAGS_SEND_READ_ONLY                        0x1
#define NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_HEADER  0x2000
#define NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_PAYLOAD 0x4000

/* Pools. Page: "NET_BUFFER_LIST_POOL_PARAMETERS structure". */
#define NDIS_PROTOCOL_ID_DEFAULT         0x0
#define NDIS_PROTOCOL_ID_IP6             0x3
#define NDIS_PROTOCOL_ID_IPX             0x6
#define NDIS_PROTOCOL_ID_MASK            0xf
#define NDIS_PROTOCOL_ID_MAX             0xf
#define NDIS_PROTOCOL_ID_NBF             0x7
#define NDIS_PROTOCOL_ID_TCP_IP          0x2
#define NET_BUFFER_LIST_POOL_FLAG_VERIFY 0x1
#define NET_BUFFER_POOL_FLAG_VERIFY      0x1

/* Offload capabilities. Page: "NDIS_OFFLOAD structure", "NDIS_TCP_IP_CHECKSUM_OFFLOAD". */
#define NDIS_ENCAPSULATED_PACKET_TASK_OFFLOAD_INNER_IPV4    0x1
#define NDIS_ENCAPSULATED_PACKET_TASK_OFFLOAD_INNER_IPV6    0x4
#define NDIS_ENCAPSULATED_PACKET_TASK_OFFLOAD_NOT_SUPPORTED 0x0
#define NDIS_ENCAPSULATED_PACKET_TASK_OFFLOAD_OUTER_IPV4    0x2
#define NDIS_ENCAPSULATED_PACKET_TASK_OFFLOAD_OUTER_IPV6    0x8
#define NDIS_ENCAPSULATION_IEEE_802_3                       0x2
#define NDIS_ENCAPSULATION_IEEE_802_3_P_AND_Q               0x4
#define NDIS_ENCAPSULATION_IEEE_802_3_P_AND_Q_IN_OOB        0x8
#define NDIS_ENCAPSULATION_IEEE_LLC_SNAP_ROUTED             0x10
#define NDIS_ENCAPSULATION_NOT_SUPPORTED                    0x0
#define NDIS_ENCAPSULATION_NULL                             0x1
#define NDIS_ENCAPSULATION_TYPE_GRE_MAC                     0x1
#define NDIS_ENCAPSULATION_TYPE_MAX                         0x1
#define NDIS_ENCAPSULATION_TYPE_VXLAN                       0x2
#define NDIS_LARGE_SEND_OFFLOAD_MAX_HEADER_LENGTH           0x80
#define NDIS_OFFLOAD_FLAGS_GROUP_CHECKSUM_CAPABILITIES      0x1
#define NDIS_OFFLOAD_NOT_SUPPORTED                          0x0
#define NDIS_OFFLOAD_SET_NO_CHANGE                          0x0
#define NDIS_OFFLOAD_SET_OFF                                0x2
#define NDIS_OFFLOAD_SET_ON                                 0x1
#define NDIS_OFFLOAD_SUPPORTED                              0x1
#define NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4                    0x0
#define NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6                    0x1
#define NDIS_TCP_LARGE_SEND_OFFLOAD_V1_TYPE                 0x0
#define NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE                 0x1
#define NDIS_UDP_SEGMENTATION_OFFLOAD_IPV4                  0x0
#define NDIS_UDP_SEGMENTATION_OFFLOAD_IPV6                  0x1

/* Offload settings. Page: "NDIS_OFFLOAD_PARAMETERS structure". */
#define NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_DISABLED 0x1
#define NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_ENABLED  0x2
#define NDIS_OFFLOAD_PARAMETERS_IPSECV1_AH_AND_ESP_ENABLED  0x4
#define NDIS_OFFLOAD_PARAMETERS_IPSECV1_AH_ENABLED          0x2
#define NDIS_OFFLOAD_PARAMETERS_IPSECV1_DISABLED            0x1
#define NDIS_OFFLOAD_PARAMETERS_IPSECV1_ESP_ENABLED         0x3
#define NDIS_OFFLOAD_PARAMETERS_IPSECV2_AH_AND_ESP_ENABLED  0x4
#define NDIS_OFFLOAD_PARAMETERS_IPSECV2_AH_ENABLED          0x2
#define NDIS_OFFLOAD_PARAMETERS_IPSECV2_DISABLED            0x1
#define NDIS_OFFLOAD_PARAMETERS_IPSECV2_ESP_ENABLED         0x3
#define NDIS_OFFLOAD_PARAMETERS_LSOV1_DISABLED              0x1
#define NDIS_OFFLOAD_PARAMETERS_LSOV1_ENABLED               0x2
#define NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED              0x1
#define NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED               0x2
#define NDIS_OFFLOAD_PARAMETERS_NO_CHANGE                   0x0
#define NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED                0x1
#define NDIS_OFFLOAD_PARAMETERS_RSC_ENABLED                 0x2
#define NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED      0x3
#define NDIS_OFFLOAD_PARAMETERS_SKIP_REGISTRY_UPDATE        0x1
#define NDIS_OFFLOAD_PARAMETERS_TX_ENABLED_RX_DISABLED      0x2
#define NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED              0x1
#define NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED               0x4
#define NDIS_OFFLOAD_PARAMETERS_UDP_RSC_DISABLED            0x1
#define NDIS_OFFLOAD_PARAMETERS_UDP_RSC_ENABLED             0x2
#define NDIS_OFFLOAD_PARAMETERS_UDP_RSC_NO_CHANGE           0x0
#define NDIS_OFFLOAD_PARAMETERS_USO_DISABLED                0x1
#define NDIS_OFFLOAD_PARAMETERS_USO_ENABLED                 0x2

/* Receive side scaling capabilities. Page: "NDIS_RECEIVE_SCALE_CAPABILITIES structure". */
#define NDIS_RSS_CAPS_CLASSIFICATION_AT_DPC           0x4000000
#define NDIS_RSS_CAPS_CLASSIFICATION_AT_ISR           0x2000000
#define NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV4              0x100
#define NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6              0x200
#define NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6_EX           0x400
#define NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV4              0x800
#define NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV6              0x1000
#define NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV6_EX           0x2000
#define NDIS_RSS_CAPS_MESSAGE_SIGNALED_INTERRUPTS     0x1000000
#define NDIS_RSS_CAPS_RSS_AVAILABLE_ON_PORTS          0x10000000
#define NDIS_RSS_CAPS_SUPPORTS_INDEPENDENT_ENTRY_MOVE 0x40000000
#define NDIS_RSS_CAPS_SUPPORTS_MSI_X                  0x20000000
#define NDIS_RSS_CAPS_USING_MSI_X                     0x8000000

/* Ethernet types of a receive list (NetBufferListFrameType holds them in network order). */
#define NDIS_ETH_TYPE_ARP  0x806
#define NDIS_ETH_TYPE_IPV4 0x800
#define NDIS_ETH_TYPE_IPV6 0x86dd

/* Ports, lengths and other numbers. */
#define IF_MAX_PHYS_ADDRESS_LENGTH                     0x20
#define NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS             0x2
#define NDIS_CONFIG_FLAG_FILTER_INSTANCE_CONFIGURATION 0x1
#define NDIS_DEFAULT_PORT_NUMBER                       0x0
#define NDIS_DEFAULT_SWITCH_ID                         0x0
#define NDIS_DEFAULT_VPORT_ID                          0x0
#define NDIS_IF_MAX_STRING_SIZE                        0x100
#define NDIS_MAX_PHYS_ADDRESS_LENGTH                   0x20
#define NDIS_OID_REQUEST_FLAGS_VPORT_ID_VALID          0x1
#define NDIS_OID_REQUEST_NDIS_RESERVED_SIZE            0x10
#define NDIS_OID_REQUEST_TIMEOUT_INFINITE              0x0
#define NET_EVENT_FLAGS_VPORT_ID_VALID                 0x2
#define NET_EVENT_HALT_MINIPORT_ON_LOW_POWER           0x1

/* Interface types (IANA). Page: "NDIS Interface Types". */
#define IF_TYPE_ETHERNET_3MBIT     0x1a
#define IF_TYPE_ETHERNET_CSMACD    0x6
#define IF_TYPE_OTHER              0x1
#define IF_TYPE_PPP                0x17
#define IF_TYPE_PPPMULTILINKBUNDLE 0x6c
#define IF_TYPE_PROP_VIRTUAL       0x35
#define IF_TYPE_TUNNEL             0x83

/* Operational status flags. Page: "NDIS_OPER_STATE structure". */
#define NET_IF_OPER_STATUS_DORMANT_LOW_POWER        0x8
#define NET_IF_OPER_STATUS_DORMANT_PAUSED           0x4
#define NET_IF_OPER_STATUS_DOWN_NOT_AUTHENTICATED   0x1
#define NET_IF_OPER_STATUS_DOWN_NOT_MEDIA_CONNECTED 0x2
/* Page: "NDIS_MEDIUM". The members that concern us; NDIS has more, so do the enumerations below. */
typedef enum _NDIS_MEDIUM
{
    NdisMedium802_3 = 0,
    NdisMediumTunnel = 15,
    NdisMediumLoopback = 17,
    NdisMediumIP = 19
} NDIS_MEDIUM,
    *PNDIS_MEDIUM;

/* Page: "OID_GEN_PHYSICAL_MEDIUM". */
typedef enum _NDIS_PHYSICAL_MEDIUM
{
    NdisPhysicalMediumUnspecified = 0,
    NdisPhysicalMedium802_3 = 14,
    NdisPhysicalMediumOther = 19
} NDIS_PHYSICAL_MEDIUM,
    *PNDIS_PHYSICAL_MEDIUM;

/* Page: "NDIS_INTERFACE_TYPE". */
typedef enum _NDIS_INTERFACE_TYPE
{
    NdisInterfaceInternal = 0,
    NdisInterfaceIsa = 1,
    NdisInterfacePci = 5,
    NdisInterfacePNPBus = 15,
    NdisInterfaceUSB = 16,
    NdisInterfaceIrda = 17,
    NdisInterface1394 = 18
} NDIS_INTERFACE_TYPE,
    *PNDIS_INTERFACE_TYPE;

/* Page: "OID_GEN_HARDWARE_STATUS". */
typedef enum _NDIS_HARDWARE_STATUS
{
    NdisHardwareStatusReady = 0
} NDIS_HARDWARE_STATUS,
    *PNDIS_HARDWARE_STATUS;

/* Page: "OID_GEN_MEDIA_CONNECT_STATUS". */
typedef enum _NDIS_MEDIA_STATE
{
    NdisMediaStateConnected = 0,
    NdisMediaStateDisconnected = 1
} NDIS_MEDIA_STATE,
    *PNDIS_MEDIA_STATE;

/* Page: "NET_IF_MEDIA_CONNECT_STATE". */
typedef enum _NET_IF_MEDIA_CONNECT_STATE
{
    MediaConnectStateUnknown = 0,
    MediaConnectStateConnected = 1,
    MediaConnectStateDisconnected = 2
} NET_IF_MEDIA_CONNECT_STATE,
    *PNET_IF_MEDIA_CONNECT_STATE;

/* Page: "NET_IF_MEDIA_DUPLEX_STATE". */
typedef enum _NET_IF_MEDIA_DUPLEX_STATE
{
    MediaDuplexStateUnknown = 0,
    MediaDuplexStateHalf = 1,
    MediaDuplexStateFull = 2
} NET_IF_MEDIA_DUPLEX_STATE,
    *PNET_IF_MEDIA_DUPLEX_STATE;

/* Page: "NDIS_SUPPORTED_PAUSE_FUNCTIONS". */
typedef enum _NDIS_SUPPORTED_PAUSE_FUNCTIONS
{
    NdisPauseFunctionsUnsupported = 0,
    NdisPauseFunctionsSendOnly = 1,
    NdisPauseFunctionsReceiveOnly = 2,
    NdisPauseFunctionsSendAndReceive = 3,
    NdisPauseFunctionsUnknown = 4
} NDIS_SUPPORTED_PAUSE_FUNCTIONS,
    *PNDIS_SUPPORTED_PAUSE_FUNCTIONS;

/* Page: "NDIS_INTERRUPT_MODERATION". Values 2 and 3 (enabled, disabled) are not ours to report. */
typedef enum _NDIS_INTERRUPT_MODERATION
{
    NdisInterruptModerationUnknown = 0,
    NdisInterruptModerationNotSupported = 1
} NDIS_INTERRUPT_MODERATION,
    *PNDIS_INTERRUPT_MODERATION;

/* Page: "NET_IF_ACCESS_TYPE". */
typedef enum _NET_IF_ACCESS_TYPE
{
    NET_IF_ACCESS_LOOPBACK = 1,
    NET_IF_ACCESS_BROADCAST = 2,
    NET_IF_ACCESS_POINT_TO_POINT = 3,
    NET_IF_ACCESS_POINT_TO_MULTI_POINT = 4
} NET_IF_ACCESS_TYPE,
    *PNET_IF_ACCESS_TYPE;

/* Page: "NET_IF_DIRECTION_TYPE". */
typedef enum _NET_IF_DIRECTION_TYPE
{
    NET_IF_DIRECTION_SENDRECEIVE = 0,
    NET_IF_DIRECTION_SENDONLY = 1,
    NET_IF_DIRECTION_RECEIVEONLY = 2
} NET_IF_DIRECTION_TYPE,
    *PNET_IF_DIRECTION_TYPE;

/* Page: "NET_IF_CONNECTION_TYPE". */
typedef enum _NET_IF_CONNECTION_TYPE
{
    NET_IF_CONNECTION_DEDICATED = 1,
    NET_IF_CONNECTION_PASSIVE = 2,
    NET_IF_CONNECTION_DEMAND = 3
} NET_IF_CONNECTION_TYPE,
    *PNET_IF_CONNECTION_TYPE;

/* Page: "NET_IF_OPER_STATUS". */
typedef enum _NET_IF_OPER_STATUS
{
    NET_IF_OPER_STATUS_UP = 1,
    NET_IF_OPER_STATUS_DOWN = 2
} NET_IF_OPER_STATUS,
    *PNET_IF_OPER_STATUS;

/* Page: "NDIS_DEVICE_POWER_STATE". */
typedef enum _NDIS_DEVICE_POWER_STATE
{
    NdisDeviceStateUnspecified = 0,
    NdisDeviceStateD0 = 1,
    NdisDeviceStateD1 = 2,
    NdisDeviceStateD2 = 3,
    NdisDeviceStateD3 = 4
} NDIS_DEVICE_POWER_STATE,
    *PNDIS_DEVICE_POWER_STATE;

/* Page: "NDIS_REQUEST_TYPE". */
typedef enum _NDIS_REQUEST_TYPE
{
    NdisRequestQueryInformation = 0,
    NdisRequestSetInformation = 1,
    NdisRequestQueryStatistics = 2,
    NdisRequestMethod = 12
} NDIS_REQUEST_TYPE,
    *PNDIS_REQUEST_TYPE;

/* Page: "MiniportHaltEx". */
typedef enum _NDIS_HALT_ACTION
{
    NdisHaltDeviceDisabled = 0,
    NdisHaltDeviceInstanceDeInitialized = 1,
    NdisHaltDevicePoweredDown = 2,
    NdisHaltDeviceSurpriseRemoved = 3,
    NdisHaltDeviceFailed = 4,
    NdisHaltDeviceInitializationFailed = 5,
    NdisHaltDeviceStopped = 6
} NDIS_HALT_ACTION,
    *PNDIS_HALT_ACTION;

/* Page: "MiniportShutdownEx". */
typedef enum _NDIS_SHUTDOWN_ACTION
{
    NdisShutdownPowerOff = 0,
    NdisShutdownBugCheck = 1
} NDIS_SHUTDOWN_ACTION,
    *PNDIS_SHUTDOWN_ACTION;

/* Page: "NET_DEVICE_PNP_EVENT structure". */
typedef enum _NDIS_DEVICE_PNP_EVENT
{
    NdisDevicePnPEventQueryRemoved = 0,
    NdisDevicePnPEventRemoved = 1,
    NdisDevicePnPEventSurpriseRemoved = 2,
    NdisDevicePnPEventQueryStopped = 3,
    NdisDevicePnPEventStopped = 4,
    NdisDevicePnPEventPowerProfileChanged = 5,
    NdisDevicePnPEventFilterListChanged = 6
} NDIS_DEVICE_PNP_EVENT,
    *PNDIS_DEVICE_PNP_EVENT;

/* Page: "NDIS_CONFIGURATION_PARAMETER structure". */
typedef enum _NDIS_PARAMETER_TYPE
{
    NdisParameterInteger = 0,
    NdisParameterHexInteger = 1,
    NdisParameterString = 2,
    NdisParameterMultiString = 3,
    NdisParameterBinary = 4
} NDIS_PARAMETER_TYPE,
    *PNDIS_PARAMETER_TYPE;

/* Page: "NDIS_NET_BUFFER_LIST_INFO enumeration": the slots of 64-bit NDIS 6.80 and later. */
typedef enum _NDIS_NET_BUFFER_LIST_INFO
{
    TcpIpChecksumNetBufferListInfo = 0,
    TcpOffloadBytesTransferred = 0,
    IPsecOffloadV1NetBufferListInfo = 1,
    IPsecOffloadV2NetBufferListInfo = 1,
    TcpLargeSendNetBufferListInfo = 2,
    TcpReceiveNoPush = 2,
    ClassificationHandleNetBufferListInfo = 3,
    Ieee8021QNetBufferListInfo = 4,
    NetBufferListCancelId = 5,
    MediaSpecificInformation = 6,
    NetBufferListFrameType = 7,
    NetBufferListProtocolId = 7,
    NetBufferListHashValue = 8,
    NetBufferListHashInfo = 9,
    WfpNetBufferListInfo = 10,
    IPsecOffloadV2TunnelNetBufferListInfo = 11,
    IPsecOffloadV2HeaderNetBufferListInfo = 12,
    NetBufferListCorrelationId = 13,
    NetBufferListFilteringInfo = 14,
    MediaSpecificInformationEx = 15,
    NblOriginalInterfaceIfIndex = 16,
    NblReAuthWfpFlowContext = 16,
    TcpReceiveBytesTransferred = 17,
    NrtNameResolutionId = 17,
    UdpRecvSegCoalesceOffloadInfo = 17,
    SwitchForwardingReserved = 18,
    SwitchForwardingDetail = 19,
    VirtualSubnetInfo = 20,
    IMReserved = 21,
    TcpRecvSegCoalesceInfo = 22,
    UdpSegmentationOffloadInfo = 22,
    RscTcpTimestampDelta = 23,
    TcpSendOffloadsSupplementalNetBufferListInfo = 23,
    GftOffloadInformation = 24,
    GftFlowEntryId = 25,
    NetBufferListInfoReserved3 = 26,
    MaxNetBufferListInfo = 27
} NDIS_NET_BUFFER_LIST_INFO,
    *PNDIS_NET_BUFFER_LIST_INFO;
#endif
